package shopify

import (
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol/dsl/source"
)

// condition is a node of a query: terms joined by and or or, or a negated one, or
// a clause.
type condition struct {
	join   string // "and", "or", "not", or "" for a clause
	terms  []condition
	clause clause
}

// clause is one test: an attribute and what is said of it, or a function with its
// parameters.
type clause struct {
	at       source.Span
	name     token
	test     test
	call     bool
	params   []param
	negative bool // NOT MATCHES, or = false
}

// test is an operator with its values: = != < <= > >= between in contains null.
// Of not between, not in, not contains and not null, not is set.
type test struct {
	op     string
	not    bool
	values []token
}

// param is one parameter of a function.
type param struct {
	name token
	test test
}

// parser reads tokens by recursive descent. A query is small and has few forms.
type parser struct {
	tokens []token
	last   int // where the token before ends
	depth  int
	err    *source.Diagnostic
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
		p.last = t.at.End
	}
	return t
}

// take passes the keyword or sign if it is next.
func (p *parser) take(s string) bool {
	if p.peek().is(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) fail(t token, wanted string) {
	if p.err != nil {
		return
	}
	message := fmt.Sprintf("expected %s, found %q", wanted, t.text)
	if t.kind == end {
		message = "the query ends where " + wanted + " is missing"
	}
	p.err = &source.Diagnostic{Code: source.Unexpected, Span: t.at, Message: message}
}

func (p *parser) expect(s string) {
	if !p.take(s) {
		p.fail(p.peek(), s)
	}
}

// query reads a condition, or what stands between WHERE and ORDER BY.
func (p *parser) query() (condition, *source.Diagnostic) {
	if p.peek().is("from") {
		for !p.peek().is("where") && p.peek().kind != end {
			p.next()
		}
		p.expect("where")
	} else {
		p.take("where")
	}
	c := p.or()
	if t := p.peek(); p.err == nil && t.kind != end && !t.is("order") {
		p.fail(t, "AND, OR or the end")
	}
	return c, p.err
}

func (p *parser) or() condition  { return p.joined("or", p.and) }
func (p *parser) and() condition { return p.joined("and", p.not) }

func (p *parser) joined(word string, term func() condition) condition {
	terms := []condition{term()}
	for p.err == nil && p.take(word) {
		terms = append(terms, term())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return condition{join: word, terms: terms}
}

func (p *parser) not() condition {
	if p.depth++; p.depth > maxNesting {
		p.err = &source.Diagnostic{Code: source.TooDeep, Span: p.peek().at, Message: fmt.Sprintf("conditions may be nested at most %d deep", maxNesting)}
	}
	defer func() { p.depth-- }()
	switch {
	case p.err != nil:
		return condition{}
	case p.take("not"):
		return condition{join: "not", terms: []condition{p.not()}}
	case p.take("("):
		c := p.or()
		p.expect(")")
		return c
	}
	return condition{clause: p.clause()}
}

func (p *parser) clause() clause {
	name := p.next()
	if name.kind != word {
		p.fail(name, "the name of a filter")
		return clause{}
	}
	c := clause{name: name}
	switch {
	case p.peek().is("("): // the form before MATCHES, and anniversary
		c.call = true
		c.params = p.params()
		c.test = p.test()
	case p.take("matches"):
		c.call = true
		c.params = p.params()
	case p.take("not_matches"):
		c.call, c.negative = true, true
		c.params = p.params()
	case p.peek().is("not") && len(p.tokens) > 1 && p.tokens[1].is("matches"):
		p.next()
		p.next()
		c.call, c.negative = true, true
		c.params = p.params()
	default:
		c.test = p.test()
	}
	c.at = source.Span{Start: name.at.Start, End: p.last}
	return c
}

// params reads (name = value, ...) and (name: value, ...). A lone value is the
// parameter without a name that anniversary has.
func (p *parser) params() []param {
	p.expect("(")
	var out []param
	for p.err == nil && !p.peek().is(")") {
		switch t := p.peek(); {
		case t.kind == text:
			out = append(out, param{test: test{op: "=", values: []token{p.next()}}})
		case t.kind != word:
			p.fail(t, "the name of a parameter")
		default:
			p.next()
			colon := p.take(":")
			if colon && !p.operatorNext() {
				out = append(out, param{name: t, test: test{op: "=", values: p.valueOrList()}})
				if len(out[len(out)-1].test.values) > 1 {
					out[len(out)-1].test.op = "in"
				}
				break
			}
			out = append(out, param{name: t, test: p.test()})
		}
		if !p.take(",") {
			break
		}
	}
	p.expect(")")
	return out
}

func (p *parser) operatorNext() bool {
	t := p.peek()
	return t.kind == sign && strings.ContainsAny(t.text, "=<>") ||
		t.is("between") || t.is("in") || t.is("not") || t.is("contains") || t.is("is")
}

// test reads an operator and its values.
func (p *parser) test() test {
	t := p.next()
	out := test{op: strings.ToLower(t.text)}
	if t.is("not") {
		out.not = true
		t = p.next()
		out.op = strings.ToLower(t.text)
	}
	switch {
	case t.kind == sign && strings.ContainsAny(t.text, "=<>") && !out.not:
		out.values = []token{p.value()}
	case t.is("contains"):
		out.values = []token{p.value()}
	case t.is("in"):
		if !p.peek().is("(") {
			p.fail(p.peek(), "a list in parentheses")
			break
		}
		out.values = p.valueOrList()
	case t.is("between"):
		low := p.value()
		p.expect("and")
		out.values = []token{low, p.value()}
	case t.is("is") && !out.not:
		out.op, out.not = "null", p.take("not")
		p.expect("null")
	default:
		p.fail(t, "an operator such as =, CONTAINS or IS NOT NULL")
	}
	return out
}

func (p *parser) valueOrList() []token {
	if !p.take("(") {
		return []token{p.value()}
	}
	out := []token{p.value()}
	for p.err == nil && p.take(",") {
		out = append(out, p.value())
	}
	p.expect(")")
	return out
}

func (p *parser) value() token {
	t := p.next()
	switch {
	case t.kind == text, t.kind == number, t.kind == day, t.kind == moment, t.kind == offset, t.kind == namedDay,
		t.is("true"), t.is("false"):
		return t
	}
	p.fail(t, "a value")
	return t
}
