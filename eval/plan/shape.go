package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// A new node is described in this file and nowhere else: by label and below, on
// which Print, Key and Walk are built.

// label appends everything about a node but its children and spans.
func label(b []byte, n Node) []byte {
	switch n := n.(type) {
	case *Const:
		return strconv.AppendBool(b, n.Value)
	case *And:
		return append(b, "and"...)
	case *Or:
		return append(b, "or"...)
	case *Not:
		return append(b, "not"...)
	case *Compare:
		return append(append(b, "compare "...), n.Op...)
	case *Same:
		return append(b, "same"...)
	case *OneOf:
		return appendValues(append(b, "one of "...), n.Values)
	case *Has:
		if n.All {
			return appendQuoted(append(b, "has all "...), n.Items)
		}
		return appendQuoted(append(b, "has any "...), n.Items)
	case *Like:
		return strconv.AppendQuote(append(append(b, n.Form...), ' '), n.Text)
	case *Truth:
		return append(b, "true"...)
	case *During:
		return n.Window.append(append(b, "during "...))
	case *Recurs:
		return n.Window.append(append(b, "recurs "...))
	case *Known:
		return append(b, "known"...)
	case *Member:
		return strconv.AppendQuote(append(b, "member "...), n.Group)
	case *Rank:
		return rankLabel(b, n)
	case *Sample:
		b = appendDecimal(append(b, "sample "...), n.Percent, n.Scale)
		return strconv.AppendQuote(append(b, "% "...), n.Key)
	case *Literal:
		b = typeLabel(append(b, "literal "...), n.Of)
		return append(append(b, ' '), n.Value.String()...)
	case *Attr:
		b = append(append(b, "attribute "...), n.Name...)
		return flag(flag(flag(b, n.Due, " due"), n.Latest, " latest"), n.Login, " login")
	case *Field:
		return fieldLabel(b, n)
	case *Arith:
		return append(b, n.Op)
	case *Times:
		return strconv.AppendInt(append(b, "times "...), n.By, 10)
	case *Product:
		return append(b, "product"...)
	case *Quotient:
		return append(b, "quotient"...)
	case *Aggregate:
		b = append(append(append(b, n.Fn...), ' '), n.Kind...)
		if n.Stamp != nil {
			b = n.Window.append(append(b, ' '))
		}
		return b
	}
	return fmt.Appendf(b, "unknown %T", n)
}

func fieldLabel(b []byte, n *Field) []byte {
	b = append(append(append(b, "field "...), n.Kind...), '.')
	if n.Name == "" {
		b = append(b, "key"...)
	}
	b = append(b, n.Name...)
	if n.Up > 0 {
		b = strconv.AppendInt(append(b, " up "...), int64(n.Up), 10)
	}
	return flag(b, n.Due, " due")
}

// below visits the children of a node in order, each with the role it plays there
// where the order alone does not tell.
func below(n Node, visit func(role string, child Node)) {
	switch n := n.(type) {
	case *And:
		for _, t := range n.Terms {
			visit("", t)
		}
	case *Or:
		for _, t := range n.Terms {
			visit("", t)
		}
	case *Not:
		visit("", n.Term)
	case *Compare:
		visit("", n.L)
		visit("", n.R)
	case *Same:
		visit("", n.L)
		visit("", n.R)
	case *OneOf:
		visit("", n.X)
	case *Has:
		visit("", n.X)
	case *Like:
		visit("", n.X)
	case *Truth:
		visit("", n.X)
	case *During:
		visit("", n.X)
		moments(n.Window, visit)
	case *Recurs:
		visit("", n.X)
		moments(n.Window, visit)
	case *Known:
		visit("", n.X)
	case *Rank:
		visit("", n.X)
	case *Arith:
		visit("", n.L)
		visit("", n.R)
	case *Times:
		visit("", n.X)
	case *Product:
		visit("", n.X)
		visit("", n.Y)
	case *Quotient:
		visit("", n.A)
		visit("", n.B)
	case *Aggregate:
		if n.Of != nil {
			visit("of", n.Of)
		}
		if n.Stamp != nil {
			visit("by", n.Stamp)
			moments(n.Window, visit)
		}
		if n.Where != nil {
			visit("where", n.Where)
		}
	}
}

func moments(w Window, visit func(string, Node)) {
	if w.From.Kind == Moment {
		visit("from", w.From.Moment)
	}
	if w.To.Kind == Moment {
		visit("to", w.To.Moment)
	}
}

// String is the window in half-open notation, such as [7d before, now). A moment
// of the customer is shown as "moment": it is an expression of its own.
func (w Window) String() string { return string(w.append(nil)) }

func (w Window) append(b []byte) []byte {
	b = append(w.From.append(append(b, '[')), ", "...)
	return append(w.To.append(b), ')')
}

// String is the bound in words.
func (b Bound) String() string { return string(b.append(nil)) }

func (b Bound) append(to []byte) []byte {
	if b.Exclusive {
		to = append(to, "after "...)
	}
	switch b.Kind {
	case Open:
		return append(to, "open"...)
	case Now:
		return append(to, "now"...)
	case Back:
		if b.N < 0 {
			to = strconv.AppendInt(to, -int64(b.N), 10)
			return append(append(to, b.Unit...), " after"...)
		}
		to = strconv.AppendInt(to, int64(b.N), 10)
		return append(append(to, b.Unit...), " before"...)
	case Period:
		return fmt.Appendf(to, "start of %s %+d", b.Unit, b.N)
	case Day:
		return append(to, catalog.DateValue(b.At).String()...)
	case Instant:
		return append(to, catalog.InstantValue(b.At).String()...)
	case Moment:
		return append(to, "moment"...)
	}
	return to
}

func rankLabel(b []byte, n *Rank) []byte {
	side := "rank top "
	if n.Bottom {
		side = "rank bottom "
	}
	b = append(b, side...)
	if n.Percent {
		return append(appendDecimal(b, n.N, n.Scale), '%')
	}
	return strconv.AppendInt(b, n.N, 10)
}

func typeLabel(b []byte, t catalog.Type) []byte {
	switch t.Sort {
	case catalog.Money:
		return append(b, t.Currency...)
	case catalog.Number:
		return strconv.AppendInt(append(b, "number."...), int64(t.Scale), 10)
	}
	return b
}

func appendDecimal(b []byte, n int64, scale int) []byte {
	text := strconv.FormatInt(n, 10)
	if scale == 0 {
		return append(b, text...)
	}
	if pad := scale + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	b = append(append(b, text[:len(text)-scale]...), '.')
	return append(b, text[len(text)-scale:]...)
}

func flag(b []byte, on bool, text string) []byte {
	if on {
		return append(b, text...)
	}
	return b
}

func appendValues(b []byte, list []catalog.Value) []byte {
	b = append(b, '(')
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, v.String()...)
	}
	return append(b, ')')
}

func appendQuoted(b []byte, list []string) []byte {
	b = append(b, '(')
	for i, s := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, s)
	}
	return append(b, ')')
}

// Key is the node on one line: equal keys mean equal meaning. It is stable
// within a version of the module, and is what Fingerprint hashes.
func Key(n Node) string { return string(key(make([]byte, 0, 512), n)) }

func key(b []byte, n Node) []byte {
	b = label(append(b, '('), n)
	below(n, func(role string, child Node) {
		b = append(b, ' ')
		if role != "" {
			b = append(append(b, role...), ':')
		}
		b = key(b, child)
	})
	return append(b, ')')
}

// Fingerprint is the SHA-256 of Key in hexadecimal: what equal parts of many
// plans are found by.
func Fingerprint(n Node) string {
	sum := sha256.Sum256([]byte(Key(n)))
	return hex.EncodeToString(sum[:])
}

// Print is the node as an indented tree, a line a node, for people.
func Print(n Node) string { return string(printed(nil, "", n, 0)) }

func printed(b []byte, role string, n Node, depth int) []byte {
	for range depth {
		b = append(b, "  "...)
	}
	if role != "" {
		b = append(append(b, role...), ' ')
	}
	b = append(label(b, n), '\n')
	below(n, func(role string, child Node) { b = printed(b, role, child, depth+1) })
	return b
}

// String is the plan as an indented tree.
func (p *Plan) String() string {
	scope := p.Scope
	if scope == "" {
		scope = Members
	}
	return "select " + string(scope) + "\n" + Print(p.Root)
}

// Fingerprint identifies what the plan selects: its root and scope.
func (p *Plan) Fingerprint() string {
	sum := sha256.Sum256([]byte(string(p.Scope) + Key(p.Root)))
	return hex.EncodeToString(sum[:])
}

// Walk visits n and what is below it, from the top. Where visit returns false,
// what is below is passed over.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	below(n, func(_ string, child Node) { Walk(child, visit) })
}
