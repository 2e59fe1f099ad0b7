package columnar

import (
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

// unsupported tells why columns cannot answer a test, "" when they can. What
// they cannot, package eval answers, customer by customer.
func (s *schema) unsupported(root plan.Test) string {
	c := checker{schema: s}
	c.test(root, nil)
	return c.why
}

type checker struct {
	schema *schema
	why    string
}

func (c *checker) refuse(n plan.Node, why string) {
	if c.why == "" {
		c.why = fmt.Sprintf("%s: %s", why, plan.Key(n))
	}
}

// test checks a test of a customer, or of a record of kind at.
func (c *checker) test(t plan.Test, at *kind) {
	switch n := t.(type) {
	case *plan.Const:
	case *plan.And:
		for _, term := range n.Terms {
			c.test(term, at)
		}
	case *plan.Or:
		for _, term := range n.Terms {
			c.test(term, at)
		}
	case *plan.Not:
		c.test(n.Term, at)
	case *plan.Compare:
		c.ordered(n.L, at)
		c.ordered(n.R, at)
	case *plan.Same:
		c.same(n, at)
	case *plan.OneOf:
		c.value(n.X, at)
		if n.X.Type().Sort == catalog.Set {
			c.refuse(n, "equality of sets")
		}
	case *plan.Has:
		c.text(n.X, at)
	case *plan.Like:
		c.text(n.X, at)
	case *plan.Truth:
		c.value(n.X, at)
	case *plan.During:
		c.moment(n.X, at)
		c.window(n.Window, at)
	case *plan.Recurs:
		c.moment(n.X, at)
		if n.Window.From.Kind == plan.Moment || n.Window.To.Kind == plan.Moment {
			c.refuse(n, "an anniversary within moments of the customer")
		}
	case *plan.Known:
		if f, ok := n.X.(*plan.Field); ok && f.Name == "" {
			c.field(f, at)
			return
		}
		c.value(n.X, at)
	case *plan.Member, *plan.Rank, *plan.Sample:
		if at != nil {
			c.refuse(n, "a question about the customer inside a record")
		}
		if r, ok := n.(*plan.Rank); ok {
			c.ordered(r.X, nil)
		}
	default:
		c.refuse(t, "a test of another sort")
	}
}

func (c *checker) same(n *plan.Same, at *kind) {
	_, left := n.L.(*plan.Literal)
	_, right := n.R.(*plan.Literal)
	if left || right || n.L.Type().Sort == catalog.Set {
		c.refuse(n, "equality of such values")
	}
	c.value(n.L, at)
	c.value(n.R, at)
}

// ordered checks a value that is compared as an integer.
func (c *checker) ordered(x plan.Expr, at *kind) {
	switch x.Type().Sort {
	case catalog.Number, catalog.Money, catalog.Date, catalog.Instant:
		c.value(x, at)
	default:
		c.refuse(x, "an order on such values")
	}
}

func (c *checker) moment(x plan.Expr, at *kind) {
	switch x.Type().Sort {
	case catalog.Date, catalog.Instant:
		c.value(x, at)
	default:
		c.refuse(x, "a moment of such a value")
	}
}

// text checks a value that is looked up by its code.
func (c *checker) text(x plan.Expr, at *kind) {
	if _, ok := x.(*plan.Literal); ok {
		c.refuse(x, "a test of a constant")
	}
	switch x.Type().Sort {
	case catalog.String, catalog.Enum, catalog.Set:
		c.value(x, at)
	default:
		c.refuse(x, "text of such a value")
	}
}

func (c *checker) window(w plan.Window, at *kind) {
	for _, b := range []plan.Bound{w.From, w.To} {
		if b.Kind == plan.Moment {
			c.moment(b.Moment, at)
		}
	}
}

func (c *checker) value(x plan.Expr, at *kind) {
	switch n := x.(type) {
	case *plan.Literal:
		switch n.Value.Sort() {
		case catalog.Number, catalog.Date, catalog.Instant, catalog.Bool:
		default:
			c.refuse(n, "a constant of such a sort")
		}
	case *plan.Attr:
		if i, ok := c.schema.attr[n.Name]; ok {
			c.typed(n, c.schema.attrs[i].of, n.Of)
		}
	case *plan.Field:
		if n.Name == "" {
			c.refuse(n, "the key of a record as a value")
		}
		c.field(n, at)
	case *plan.Arith:
		c.ordered(n.L, at)
		c.ordered(n.R, at)
	case *plan.Times:
		c.ordered(n.X, at)
	case *plan.Product:
		c.ordered(n.X, at)
		c.ordered(n.Y, at)
	case *plan.Aggregate:
		c.aggregate(n, at)
	default:
		c.refuse(x, "a value of another sort")
	}
}

// typed refuses a plan made for another catalog than the data.
func (c *checker) typed(n plan.Node, stored, asked catalog.Type) {
	if stored.Sort != asked.Sort {
		c.refuse(n, "a type that the data does not have")
	}
}

func (c *checker) field(f *plan.Field, at *kind) {
	for range f.Up {
		if at != nil {
			at = at.parent
		}
	}
	if at == nil {
		c.refuse(f, "a field of no record")
		return
	}
	if f.Name == "" {
		return
	}
	if i, ok := at.field[f.Name]; ok {
		c.typed(f, at.fields[i].of, f.Of)
	}
}

func (c *checker) aggregate(a *plan.Aggregate, at *kind) {
	i, ok := c.schema.kind[a.Kind]
	if at != nil || !ok {
		c.refuse(a, "an aggregate of such records")
		return
	}
	k := c.schema.kinds[i]
	if a.Stamp == nil && (k.stamped || a.Window != plan.Window{} || a.Fn == plan.ActiveDays || a.Fn == plan.ActiveWeeks || a.Fn == plan.ActiveMonths) {
		c.refuse(a, "a window over records without a time")
	}
	if a.Stamp != nil {
		c.field(a.Stamp, k)
		if a.Stamp.Of.Sort != catalog.Instant || a.Stamp.Due {
			c.refuse(a, "such a stamp")
		}
	}
	c.window(a.Window, nil)
	if a.Where != nil {
		c.test(a.Where, k)
	}
	switch a.Fn {
	case plan.Count, plan.ActiveDays, plan.ActiveWeeks, plan.ActiveMonths:
		if a.Of != nil {
			c.refuse(a, "a value that is not aggregated")
		}
		return
	case plan.Sum, plan.Min, plan.Max, plan.First, plan.Last, plan.Distinct:
	default:
		c.refuse(a, "such an aggregate")
	}
	f, isField := a.Of.(*plan.Field)
	switch {
	case a.Of == nil:
		c.refuse(a, "nothing to aggregate")
	case a.Fn == plan.Distinct && isField && f.Name == "":
		c.field(f, k)
	case a.Fn == plan.Distinct:
		if a.Of.Type().Sort == catalog.Set {
			c.refuse(a, "different sets")
		}
		c.value(a.Of, k)
	case a.Fn == plan.First || a.Fn == plan.Last:
		c.value(a.Of, k)
	default:
		c.ordered(a.Of, k)
	}
}
