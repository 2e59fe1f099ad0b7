package dsl

import (
	"fmt"
	"strings"
)

// Format writes the rule in the one house style: single spaces, double quotes,
// short units, and a line for each term of and and or when the rule is longer
// than 100 characters. Comments stay where they were: behind their line, or on
// lines of their own.
//
// Parsing the result gives the same tree, other spans aside, and formatting it
// again gives the same text. It ends without a newline.
func Format(r *Rule) string {
	var f formatter
	f.expr(r.Expr, orLevel)
	return f.text(notes(r, f.tokens))
}

// notes sorts the comments of the text by the token that they stand before.
func notes(r *Rule, tokens int) map[int][]note {
	if len(r.Comments) == 0 {
		return nil
	}
	s := scanner{text: r.Text, limits: Limits{Bytes: len(r.Text), Nodes: len(r.Text)}.withDefaults()}
	if s.scan() != nil || len(s.tokens) != tokens+1 {
		// The tree is not that of the text: keep the comments together at the top.
		out := map[int][]note{}
		for _, c := range r.Comments {
			out[0] = append(out[0], note{text: c.Text})
		}
		return out
	}
	out := map[int][]note{}
	k := 0
	for _, c := range r.Comments {
		for k < tokens && s.tokens[k].Pos.Offset < c.At.Start {
			k++
		}
		after := false
		if k > 0 {
			last := spanOf(s.tokens[k-1])
			after = !strings.Contains(r.Text[last.End:c.At.Start], "\n")
		}
		out[k] = append(out[k], note{c.Text, after})
	}
	return out
}

// formatter appends nodes to a layout, token by token as Parse would read them.
type formatter struct{ layout }

// The levels of the grammar, loosest first: what stands at a level needs
// parentheses in a place of a tighter one. Parsed trees have theirs already.
const (
	orLevel = iota
	andLevel
	notLevel
	testLevel
	sumLevel
	productLevel
	unaryLevel
	primaryLevel
)

func levelOf(e Expr) int {
	switch e := e.(type) {
	case *Or:
		return orLevel
	case *And:
		return andLevel
	case *Not:
		return notLevel
	case *Compare, *Within, *Between, *In, *InRank, *Contains, *Affix, *When, *Known:
		return testLevel
	case *Arith:
		if e.Op == "*" || e.Op == "/" {
			return productLevel
		}
		return sumLevel
	case *Minus:
		return unaryLevel
	}
	return primaryLevel
}

// expr writes e in a place that takes nodes of the level and tighter ones.
func (f *formatter) expr(e Expr, level int) {
	if levelOf(e) < level {
		f.parenthesised(e)
		return
	}
	switch e := e.(type) {
	case *Or:
		f.terms("or", e.Terms, andLevel)
	case *And:
		f.terms("and", e.Terms, notLevel)
	case *Not:
		f.tokenSpace("not")
		f.expr(e.X, notLevel)
	case *Paren:
		f.parenthesised(e.X)
	case *Arith:
		l := levelOf(e)
		f.expr(e.L, l)
		f.add(opSpace)
		f.tokenSpace(string(e.Op))
		f.expr(e.R, l+1)
	case *Minus:
		f.token("-")
		f.expr(e.X, unaryLevel)
	case *InGroup:
		f.tokenSpace("in")
		f.tokenSpace("group")
		f.string(e.Name)
	case *String:
		f.string(e)
	case *Date:
		f.token(fmt.Sprintf("%04d-%02d-%02d", e.Year, e.Month, e.Day))
	case *Bool:
		f.token(fmt.Sprint(e.Value))
	case *Number:
		f.number(e)
	case *Word:
		f.token(e.Name)
	case *Ref:
		f.ref(e)
	default:
		f.test(e)
	}
}

func (f *formatter) parenthesised(e Expr) {
	f.group(func() {
		f.token("(")
		f.indented(func() { f.add(opSoft); f.expr(e, orLevel) })
		f.add(opSoft)
		f.token(")")
	})
}

func (f *formatter) terms(word string, terms []Expr, level int) {
	f.group(func() {
		for i, t := range terms {
			if i > 0 {
				f.add(opLine)
				f.tokenSpace(word)
			}
			if _, nested := t.(*And); nested {
				f.indented(func() { f.expr(t, level) })
			} else {
				f.expr(t, level)
			}
		}
	})
}

// test writes a value and what is said of it.
func (f *formatter) test(e Expr) {
	subject := func(x Expr, neg bool, word string) {
		f.expr(x, sumLevel)
		if neg {
			f.spaceToken("not")
		}
		f.spaceToken(word)
		f.add(opSpace)
	}
	switch e := e.(type) {
	case *Compare:
		subject(e.L, false, string(e.Op))
		f.expr(e.R, sumLevel)
	case *Within:
		subject(e.X, e.Neg, "within")
		f.window(e.Window)
	case *Between:
		subject(e.X, e.Neg, "between")
		f.expr(e.Lo, sumLevel)
		f.spaceToken("and")
		f.add(opSpace)
		f.expr(e.Hi, sumLevel)
	case *In:
		subject(e.X, e.Neg, "in")
		f.list(e.List)
	case *InRank:
		subject(e.X, e.Neg, "in")
		if e.Bottom {
			f.tokenSpace("bottom")
		} else {
			f.tokenSpace("top")
		}
		f.number(e.N)
	case *Contains:
		subject(e.X, e.Neg, "contains")
		if e.Mode == "" {
			f.expr(e.Items[0], primaryLevel)
			return
		}
		f.tokenSpace(e.Mode)
		f.list(e.Items)
	case *Affix:
		word := "starts"
		if e.End {
			word = "ends"
		}
		subject(e.X, e.Neg, word)
		f.tokenSpace("with")
		f.string(e.Text)
	case *When:
		subject(e.X, e.Neg, e.Rel)
		f.expr(e.Point, primaryLevel)
	case *Known:
		f.expr(e.X, sumLevel)
		f.spaceToken("is")
		if e.Neg {
			f.spaceToken("not")
		}
		f.spaceToken("known")
	}
}

// list writes items in parentheses, as many on a line as fit.
func (f *formatter) list(items []Expr) {
	f.group(func() {
		f.token("(")
		f.indented(func() {
			f.add(opSoft)
			for i, item := range items {
				f.group(func() {
					if i > 0 {
						f.add(opLine)
					}
					f.expr(item, sumLevel)
					if i < len(items)-1 {
						f.token(",")
					}
				})
			}
		})
		f.add(opSoft)
		f.token(")")
	})
}

func (f *formatter) string(s *String) { f.token(Quote(s.Value)) }

// Quote is the text as a string literal of the language.
func Quote(text string) string {
	quote := `"`
	if strings.Contains(text, `"`) && !strings.Contains(text, "'") {
		quote = "'"
	}
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, quote, `\`+quote)
	return quote + escape.Replace(normal(text)) + quote
}

func (f *formatter) number(n *Number) {
	f.token(n.digits())
	switch {
	case n.Percent:
		f.token("%")
	case n.Currency != "":
		f.spaceToken(n.Currency)
	case n.Full:
		f.spaceToken("full")
		name := unitNames[n.Unit]
		if n.Mantissa != 1 {
			name += "s"
		}
		f.spaceToken(name)
	case n.Unit != "":
		f.token(string(n.Unit))
		if n.Ago {
			f.spaceToken("ago")
		}
	}
}

var unitNames = map[Unit]string{
	Minute: "minute", Hour: "hour", Day: "day", Week: "week", Month: "month", Quarter: "quarter", Year: "year",
}

// digits is the number as written or, for a node that was not parsed, as needed.
func (n *Number) digits() string {
	if n.Text != "" {
		return n.Text
	}
	text := fmt.Sprintf("%0*d", n.Scale+1, n.Mantissa)
	if n.Scale > 0 {
		text = text[:len(text)-n.Scale] + "." + text[len(text)-n.Scale:]
	}
	return text
}

func (f *formatter) ref(r *Ref) {
	for i, n := range r.Path {
		if i > 0 {
			f.token(".")
		}
		f.token(n.Text)
	}
	if !r.Called && len(r.Args) == 0 {
		return
	}
	f.group(func() {
		f.token("(")
		f.indented(func() {
			for i, a := range r.Args {
				if i == 0 {
					f.add(opSoft)
				} else {
					f.token(",")
					f.add(opLine)
				}
				f.arg(a)
			}
		})
		f.add(opSoft)
		f.token(")")
	})
}

func (f *formatter) arg(a *Arg) {
	if a.Window != nil {
		f.window(a.Window)
	}
	if a.Where == nil {
		return
	}
	if a.Window != nil {
		f.add(opLine)
	}
	f.tokenSpace("where")
	f.indented(func() { f.expr(a.Where, orLevel) })
}

func (f *formatter) window(w *Window) {
	switch w.Form {
	case ThisWindow, LastWindow:
		f.tokenSpace(string(w.Form))
		f.token(unitNames[w.Unit])
		return
	case SinceWindow, BeforeWindow, NextWindow:
		f.tokenSpace(string(w.Form))
	}
	f.expr(w.From, primaryLevel)
	if w.To != nil {
		f.spaceToken("..")
		f.add(opSpace)
		f.expr(w.To, primaryLevel)
	}
}
