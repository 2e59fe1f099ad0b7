package sqlgen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Link tells which part of a statement stands for which part of a rule.
type Link struct {
	Start, End int         // bytes of Statement.SQL
	Rule       source.Span // of the plan's text
}

// Linked is Select for one plan, with what of the statement stands for what of the rule:
// tests, the aggregates that they compare, and the tables that these are made in. Parts of
// the statement lie within each other, the outer before the inner, or apart. One part of
// the rule may stand in several places, and what stands in none is a condition of another.
func Linked(d Dialect, s *Schema, q Query, cuts map[string]Cut) (Statement, []Link, error) {
	if len(q.Plans) != 1 || len(q.Ranked) > 0 {
		return Statement{}, nil, ErrTooManyPlans
	}
	plain, err := Select(d, s, q, cuts)
	if err != nil {
		return Statement{}, nil, err
	}
	q.links = &links{}
	marked, err := Select(d, s, q, cuts)
	if err != nil {
		return Statement{}, nil, err
	}
	sql, found, ok := q.links.read(marked.SQL)
	if !ok || sql != plain.SQL { // a name of the schema has a mark's own bytes
		return plain, nil, nil
	}
	return plain, found, nil
}

// links number the parts of a rule while a statement is written with marks in its text:
// markOpen, the number, markText, the part of the statement, markEnd. A piece may be put
// anywhere, and twice, and its marks go with it.
type links struct{ spans []source.Span }

const markOpen, markText, markEnd = "\x01", "\x02", "\x03"

// link marks what stands for a node.
func (g *generator) link(n plan.Node, p piece) piece {
	if g.links == nil || p.bits != nil || p.sql == "" || n.Span().Len() == 0 ||
		p.sql == g.always(true).sql || p.sql == g.always(false).sql {
		return p
	}
	at := slices.Index(g.links.spans, n.Span())
	if at < 0 {
		at = len(g.links.spans)
		g.links.spans = append(g.links.spans, n.Span())
	}
	p.sql = fmt.Sprint(markOpen, at, markText, p.sql, markEnd)
	return p
}

// ofScan marks what stands for all of a scan, where it has one aggregate.
func (g *generator) ofScan(s *scan, p piece) piece {
	if len(s.slots) > 1 {
		return p
	}
	return g.link(s.slots[0].agg, p)
}

// read takes the marks out of a text. A part that stands for no more than the part around
// it is told once.
func (l *links) read(marked string) (sql string, found []Link, ok bool) {
	var b strings.Builder
	var open []int // of found
	for marked != "" {
		i := strings.IndexAny(marked, markOpen+markEnd)
		if i < 0 {
			b.WriteString(marked)
			break
		}
		b.WriteString(marked[:i])
		mark, rest := marked[i:i+1], marked[i+1:]
		if mark == markEnd {
			if len(open) == 0 {
				return "", nil, false
			}
			found[open[len(open)-1]].End = b.Len()
			open = open[:len(open)-1]
			marked = rest
			continue
		}
		number, rest, _ := strings.Cut(rest, markText)
		n, err := strconv.Atoi(number)
		if err != nil || n >= len(l.spans) {
			return "", nil, false
		}
		open = append(open, len(found))
		found = append(found, Link{Start: b.Len(), Rule: l.spans[n]})
		marked = rest
	}
	if len(open) > 0 {
		return "", nil, false
	}
	return b.String(), outermost(found), true
}

// outermost leaves out links that say what one around them says.
func outermost(found []Link) []Link {
	var out []Link
	for _, l := range found {
		if !slices.ContainsFunc(out, func(o Link) bool { return o.Rule == l.Rule && o.Start <= l.Start && l.End <= o.End }) {
			out = append(out, l)
		}
	}
	return out
}

// unmarked is the text of a piece, to compare it by.
func (p piece) unmarked() string {
	if !strings.Contains(p.sql, markOpen) {
		return p.sql
	}
	var b strings.Builder
	for _, part := range strings.FieldsFunc(p.sql, func(c rune) bool { return c == 1 || c == 3 }) {
		if _, after, ok := strings.Cut(part, markText); ok {
			part = after
		}
		b.WriteString(part)
	}
	return b.String()
}
