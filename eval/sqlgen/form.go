package sqlgen

import (
	"slices"

	"github.com/dangol-dev/dangol/eval/plan"
)

// narrow is where the members of some plans are looked for: not in the whole
// population where all their tests need a record of one scan. A scan without which
// the tests are false is joined so that the engine may begin with it; where a table
// of records says whose they are, the population is not read for their sake. Several
// plans begin with such a table even when they ask for something of the customers: it
// is read as a whole, and engines that begin elsewhere look up its groups one by one.
//
// It gives the FROM, the column of the id and the conditions on who exists: those of them
// that leave out who joined later apart. It must be called after the tests are written.
func (g *generator) narrow(roots []plan.Test) (from piece, key string, who, later []piece) {
	needed, others := g.needed(roots)
	base, key := g.begin(needed, len(roots))
	g.idForm = g.schema.Customers.Owner
	who = []piece{g.population()}
	if g.asked && len(needed) > 0 && len(roots) == 1 && g.membersOnly() && !g.asks(roots[0], "joined") {
		// Who exists is asked apart, so that an index on what the plan asks for serves.
		who, later = nil, g.newcomers(key)
	}
	from = text(" FROM " + g.table(g.schema.Customers) + " " + outer)
	if base != nil {
		base.first = true
		needed = without(needed, base)
		g.idForm = g.owner(base)
		from = join(" FROM (", g.scan(base), ") ", base.name)
		if g.asked {
			from = join(from, " LEFT JOIN "+g.table(g.schema.Customers)+" "+outer+" ON "+outer+"."+g.schema.Customers.Key+" = "+key)
		} else {
			who, later = nil, g.newcomers(key)
		}
	}
	for _, s := range needed {
		if s.listed {
			who = append(who, g.list(s, key))
			continue
		}
		from = join(from, " JOIN ", g.joinedTo(s, key))
	}
	for _, s := range others {
		if !s.tested {
			from = join(from, " LEFT JOIN ", g.joinedTo(s, key))
		}
	}
	return from, key, who, later
}

// inTurn puts the conditions on who exists and what else is asked in the order in which an
// engine is to ask them. PostgreSQL keeps to it where it thinks them equally dear, and to
// look somebody up among those who joined later, mostly nobody, takes more than it thinks:
// that comes last there.
func (g *generator) inTurn(who, later []piece, tests ...piece) []piece {
	if g.dialect == Postgres {
		return slices.Concat(who, tests, later)
	}
	return slices.Concat(later, who, tests)
}

// begin is the scan that a statement for some plans begins with, nil for the population,
// and the customer's id there.
func (g *generator) begin(needed []*scan, plans int) (base *scan, key string) {
	if base = g.base(needed); base != nil && (!g.asked || plans > 1) {
		return base, base.name + ".c"
	}
	return nil, outer + "." + g.schema.Customers.Key
}

// needed are the scans without which every test is false, and the others.
func (g *generator) needed(roots []plan.Test) (needed, others []*scan) {
	for _, s := range g.scans {
		a := absence{g: g, scan: s}
		if slices.ContainsFunc(roots, func(t plan.Test) bool { return a.test(t) != never }) {
			others = append(others, s)
		} else {
			needed = append(needed, s)
		}
	}
	return needed, others
}

// base is a scan that can stand for the population, or nil.
func (g *generator) base(needed []*scan) *scan {
	if !g.membersOnly() {
		return nil
	}
	for _, s := range needed {
		if g.schema.Records[s.slots[0].agg.Kind].Owned {
			return s
		}
	}
	return nil
}

// owner is the type of the column that tells whose the records of a scan are.
func (g *generator) owner(s *scan) KeyForm { return g.schema.Records[s.slots[0].agg.Kind].Owner }

// membersOnly tells whether every row of Customers that is old enough exists.
func (g *generator) membersOnly() bool {
	return g.schema.Guest == "" && g.schema.Customers.Filter == "" && g.scope != plan.Guests
}

// asks tells whether a test reads an attribute.
func (g *generator) asks(t plan.Test, name string) bool {
	found := false
	plan.Walk(t, func(n plan.Node) bool {
		a, ok := n.(*plan.Attr)
		found = found || ok && a.Name == name
		return !found
	})
	return found
}

func without(list []*scan, s *scan) []*scan {
	var out []*scan
	for _, other := range list {
		if other != s {
			out = append(out, other)
		}
	}
	return out
}

// newcomers leaves out those who joined at or after as-of: few, found by an index.
func (g *generator) newcomers(key string) []piece {
	joined, ok := g.schema.Customers.Columns["joined"]
	if !ok {
		return nil
	}
	t := g.schema.Customers
	late := func() piece { return join(place(joined.SQL, "n"), " >= ", text("?", g.encode(joined, g.now()))) }
	out := join(key+" NOT IN (SELECT n."+t.Key+" FROM "+t.Name+" n WHERE n."+t.Key+" IS NOT NULL AND ", late(), ")")
	if g.dialect == Postgres {
		return []piece{out}
	}
	// Others look every customer up, even where nobody is to be found.
	return []piece{join("(NOT EXISTS (SELECT 1 FROM "+t.Name+" n WHERE ", late(), ") OR ", out, ")")}
}

// verdict is what is known of a test.
type verdict uint8

const (
	unknown verdict = iota
	never
	always
)

// absence decides tests for a customer of whom a scan has no row.
type absence struct {
	g    *generator
	scan *scan
	zero bool  // a count since a moment of the customer is zero then, not missing
	only *slot // it has none for this aggregate, and may have some for others
	// above are the aggregates, by plan.Key, that stand beside a test that they are
	// above zero.
	above map[string]bool
}

// gone tells whether an aggregate has no record.
func (a absence) gone(agg *plan.Aggregate) bool {
	s, ok := a.g.byKey[plan.Key(agg)]
	return ok && s.scan == a.scan && (a.only == nil || s == a.only)
}

func (a absence) test(t plan.Test) verdict {
	switch n := t.(type) {
	case *plan.Const:
		return verdictOf(n.Value)
	case *plan.Not:
		switch a.test(n.Term) {
		case never:
			return always
		case always:
			return never
		}
	case *plan.And:
		if a.only != nil {
			a.above = aboveZero(n.Terms)
		}
		return a.terms(n.Terms, never, always)
	case *plan.Or:
		return a.terms(n.Terms, always, never)
	case *plan.Compare:
		l, lok := a.expr(n.L)
		r, rok := a.expr(n.R)
		switch {
		case lok && l == nil || rok && r == nil:
			return never
		case lok && rok:
			return verdictOf(plan.Holds(n.Op, *l, *r))
		case lok && *l <= 0 && a.isAbove(n.R) && !plan.Holds(n.Op, 0, 1),
			rok && *r <= 0 && a.isAbove(n.L) && !plan.Holds(n.Op, 1, 0):
			return never
		}
	case *plan.During:
		return a.known(n.X)
	case *plan.Recurs:
		return a.known(n.X)
	case *plan.Known:
		return a.known(n.X)
	case *plan.OneOf:
		return a.known(n.X)
	case *plan.Truth:
		return a.known(n.X)
	case *plan.Like:
		return a.known(n.X)
	case *plan.Same:
		if a.known(n.L) == never {
			return never
		}
		return a.known(n.R)
	case *plan.Rank:
		if a.ranksOnly(n) {
			return never
		}
	}
	return unknown
}

// aboveZero are the aggregates that terms of an And ask to be above zero.
func aboveZero(terms []plan.Test) map[string]bool {
	out := map[string]bool{}
	for _, t := range terms {
		c, ok := t.(*plan.Compare)
		if !ok || c.Op != plan.More && c.Op != plan.AtLeast {
			continue
		}
		agg, ok := c.L.(*plan.Aggregate)
		least, is := c.R.(*plan.Literal)
		if ok && is && !plan.Holds(c.Op, 0, least.Value.Int()) {
			out[plan.Key(agg)] = true
		}
	}
	return out
}

// isAbove tells whether a value is above zero.
func (a absence) isAbove(e plan.Expr) bool {
	switch n := e.(type) {
	case *plan.Aggregate:
		return a.above[plan.Key(n)]
	case *plan.Times:
		return n.By > 0 && a.isAbove(n.X)
	}
	return false
}

func verdictOf(b bool) verdict {
	if b {
		return always
	}
	return never
}

// terms decides a list in which one verdict decides, and all of the other do.
func (a absence) terms(list []plan.Test, one, all verdict) verdict {
	out := all
	for _, t := range list {
		switch v := a.test(t); {
		case v == one:
			return one
		case v != all:
			out = unknown
		}
	}
	return out
}

// known is never for a value that is missing, else unknown.
func (a absence) known(e plan.Expr) verdict {
	if n, ok := a.expr(e); ok && n == nil {
		return never
	}
	return unknown
}

// expr is the value of an expression, nil for missing, if it is decided.
func (a absence) expr(e plan.Expr) (*int64, bool) {
	two := func(x, y plan.Expr, of func(l, r int64) int64) (*int64, bool) {
		l, lok := a.expr(x)
		r, rok := a.expr(y)
		switch {
		case lok && l == nil || rok && r == nil:
			return nil, true
		case lok && rok:
			n := of(*l, *r)
			return &n, true
		}
		return nil, false
	}
	switch n := e.(type) {
	case *plan.Literal:
		if v := n.Value; v.Known() && !isText(n.Type()) {
			i := v.Int()
			return &i, true
		}
	case *plan.Times:
		x, ok := a.expr(n.X)
		if ok && x != nil {
			*x *= n.By
		}
		return x, ok
	case *plan.Arith:
		return two(n.L, n.R, func(l, r int64) int64 {
			if n.Op == '-' {
				return l - r
			}
			return l + r
		})
	case *plan.Product:
		return two(n.X, n.Y, func(l, r int64) int64 { return l * r })
	case *plan.Aggregate:
		if !a.gone(n) {
			return nil, false
		}
		switch n.Fn {
		case plan.Count, plan.Sum, plan.Distinct, plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
			if !a.zero && (n.Window.From.Kind == plan.Moment || n.Window.To.Kind == plan.Moment) {
				return nil, false // zero or missing
			}
			return new(int64), true
		}
		return nil, true
	}
	return nil, false
}

// ranksOnly tells whether a rank is of nothing but aggregates of the scan: a customer
// without a record is not ranked.
func (a absence) ranksOnly(r *plan.Rank) bool {
	aggregates, here := 0, 0
	plan.Walk(r.X, func(n plan.Node) bool {
		if agg, ok := n.(*plan.Aggregate); ok {
			aggregates++
			if a.gone(agg) {
				here++
			}
			return false
		}
		return true
	})
	return aggregates > 0 && aggregates == here
}
