package coupon

import (
	"fmt"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// offer makes a usable candidate.
func offer(id string, d Discount, change ...func(*Definition)) *candidate {
	def := Definition{ID: id, Version: 1, Name: id, Currency: dangol.KRW, Kind: KindCoupon, Discount: d}.withDefaults(Config{}.withDefaults())
	for _, c := range change {
		c(&def)
	}
	return &candidate{terms: def, now: def, grant: Grant{ID: "g-" + id}, room: maxMoney}
}

func cartOf(prices ...int64) Cart {
	c := Cart{Currency: dangol.KRW, Shipping: 3000}
	for i, p := range prices {
		c.Lines = append(c.Lines, Line{ID: fmt.Sprint(i + 1), Product: fmt.Sprint("p", i+1), Quantity: 1, Price: p})
	}
	return c
}

// outcomes renders decisions for reading: "a=1000 b<a c!a d-".
func outcomes(q Quote) (out []string) {
	for _, d := range q.Decisions {
		switch d.Outcome {
		case Applied:
			out = append(out, fmt.Sprintf("%s=%d", d.Definition, d.Discount))
		case LostTo:
			out = append(out, fmt.Sprintf("%s lost to %s", d.Definition, d.By))
		case BlockedBy:
			out = append(out, fmt.Sprintf("%s blocked by %s", d.Definition, d.By))
		case NoEffect:
			out = append(out, d.Definition+" without effect")
		case NotUsable:
			out = append(out, fmt.Sprintf("%s refused %v", d.Definition, d.Reasons))
		}
	}
	return out
}

func run(t testing.TB, cart Cart, maxCoupons int, cs ...*candidate) Quote {
	t.Helper()
	bases, err := cart.bases()
	require.NoError(t, err)
	return evaluate(cart, bases, cs, maxCoupons)
}

func group(name string) func(*Definition)    { return func(d *Definition) { d.Stacking.Group = name } }
func priority(n int) func(*Definition)       { return func(d *Definition) { d.Stacking.Priority = n } }
func exclusive(d *Definition)                { d.Stacking.Exclusive = true }
func minimum(n int64) func(*Definition)      { return func(d *Definition) { d.Minimum.Amount = n } }
func products(p ...string) func(*Definition) { return func(d *Definition) { d.Targets.Products = p } }

func TestDiscounts(t *testing.T) {
	for _, c := range []struct {
		name string
		d    Discount
		cart Cart
		want int64
	}{
		{"amount", AmountOff(1000), cartOf(5000), 1000},
		{"amount above the cart", AmountOff(9000), cartOf(5000), 5000},
		{"percent floors", PercentOff(10), cartOf(5559), 555},
		{"percent floors to the unit", Discount{Rate: 1000, Unit: 100}, cartOf(5559), 500},
		{"unit before maximum", Discount{Rate: 1000, Unit: 100, Max: 450}, cartOf(5559), 450},
		{"everything", PercentOff(100), cartOf(5559, 1), 5560},
		{"half a percent", Discount{Rate: 50, Unit: 1}, cartOf(5559), 27},
		{"shipping", FreeShipping(), cartOf(5559), 3000},
		{"amount on shipping", Discount{Amount: 5000, Unit: 1, Shipping: true}, cartOf(5559), 3000},
		{"the largest cart", PercentOff(99), cartOf(maxMoney - 3000), (maxMoney - 3000) / 100 * 99},
	} {
		q := run(t, c.cart, 0, offer("a", c.d))
		require.Equal(t, c.want, q.Discount, c.name)
	}
	discounted := cartOf(5000)
	discounted.Lines[0].Discount, discounted.ShippingDiscount = 1000, 2500
	require.Equal(t, int64(400), run(t, discounted, 0, offer("a", PercentOff(10))).Discount, "after the line's own discount")
	require.Equal(t, int64(500), run(t, discounted, 0, offer("a", FreeShipping())).Discount)
	poor := offer("a", AmountOff(1000))
	poor.room = 300
	require.Equal(t, int64(300), run(t, cartOf(5000), 0, poor).Discount, "what is left of the budget")
}

func TestTargets(t *testing.T) {
	cart := cartOf(1000, 2000, 4000)
	cart.Lines[0].Categories = []string{"shoes", "sale"}
	cart.Lines[1].Categories = []string{"shoes"}
	for _, c := range []struct {
		name string
		t    Targets
		want int64
	}{
		{"all", Targets{}, 7000},
		{"product", Targets{Products: []string{"p2"}}, 2000},
		{"category", Targets{Categories: []string{"shoes"}}, 3000},
		{"either", Targets{Categories: []string{"sale"}, Products: []string{"p3"}}, 5000},
		{"but not", Targets{Categories: []string{"shoes"}, NotCategories: []string{"sale"}}, 2000},
		{"all but", Targets{NotProducts: []string{"p3"}}, 3000},
		{"excluded wins", Targets{Products: []string{"p1"}, NotProducts: []string{"p1"}}, 0},
	} {
		q := run(t, cart, 0, offer("a", PercentOff(100), func(d *Definition) { d.Targets = c.t }))
		require.Equal(t, c.want, q.Discount, c.name)
		if c.want == 0 {
			require.Equal(t, []string{"a refused [target]"}, outcomes(q))
		}
	}
	cart.Lines[2].NoCoupons = true
	require.Equal(t, int64(3000), run(t, cart, 0, offer("a", PercentOff(100))).Discount)
	require.Equal(t, []string{"a refused [minimum]"}, outcomes(run(t, cart, 0, offer("a", PercentOff(100), minimum(3001)))), "a gift card counts for no minimum")
	least := offer("a", PercentOff(100), products("p1"), func(d *Definition) { d.Minimum = Minimum{1001, true} })
	require.Equal(t, []string{"a refused [minimum]"}, outcomes(run(t, cart, 0, least)))
	require.Equal(t, []string{"a refused [target minimum]"}, outcomes(run(t, cart, 0, offer("a", FreeShipping(), products("p9"), minimum(9999)))),
		"all reasons; free shipping asks for its products, too")
}

func TestStacking(t *testing.T) {
	promotion := func(d *Definition) { d.Kind = KindPromotion }
	ten := cartOf(10_000)
	for _, c := range []struct {
		name       string
		maxCoupons int
		cs         []*candidate
		want       []string
	}{
		{"all together, the larger first", 0, []*candidate{offer("a", AmountOff(1000)), offer("b", AmountOff(2000))}, []string{"a=1000", "b=2000"}},
		{"percent is of the cart before any coupon", 0, []*candidate{offer("a", AmountOff(5000)), offer("b", PercentOff(10))}, []string{"a=5000", "b=1000"}},
		{"never below zero", 0, []*candidate{offer("a", AmountOff(9000)), offer("b", PercentOff(20))}, []string{"a=9000", "b=1000"}},
		{"what takes nothing off is not used up", 0, []*candidate{offer("a", AmountOff(10_000)), offer("b", AmountOff(500))}, []string{"a=10000", "b without effect"}},
		{"one wins in a group", 0, []*candidate{offer("a", AmountOff(1000), group("x")), offer("b", AmountOff(2000), group("x"))}, []string{"a lost to b", "b=2000"}},
		{"by priority first", 0, []*candidate{offer("a", AmountOff(1000), group("x"), priority(1)), offer("b", AmountOff(2000), group("x"))}, []string{"a=1000", "b lost to a"}},
		{"groups apart", 0, []*candidate{offer("a", AmountOff(1000), group("x")), offer("b", AmountOff(2000), group("y"))}, []string{"a=1000", "b=2000"}},
		{"one of a definition", 0, []*candidate{offer("a", AmountOff(1000)), offer("a", AmountOff(1000))}, []string{"a=1000", "a lost to a"}},
		{"the larger exclusive stands alone", 0, []*candidate{offer("a", AmountOff(2500), exclusive), offer("b", AmountOff(1000)), offer("c", AmountOff(1000))},
			[]string{"a=2500", "b blocked by a", "c blocked by a"}},
		{"the smaller exclusive does not", 0, []*candidate{offer("a", AmountOff(2000), exclusive), offer("b", AmountOff(1000)), offer("c", AmountOff(1000))},
			[]string{"a blocked by b", "b=1000", "c=1000"}},
		{"priority decides before money", 0, []*candidate{offer("a", AmountOff(500), exclusive, priority(1)), offer("b", AmountOff(1000))},
			[]string{"a=500", "b blocked by a"}},
		{"two exclusives", 0, []*candidate{offer("a", AmountOff(500), exclusive), offer("b", AmountOff(600), exclusive)}, []string{"a blocked by b", "b=600"}},
		{"so many an order", 1, []*candidate{offer("a", AmountOff(1000)), offer("b", AmountOff(2000)), offer("p", AmountOff(100), promotion)},
			[]string{"a blocked by b", "b=2000", "p=100"}},
		{"promotions first", 0, []*candidate{offer("a", AmountOff(10_000)), offer("p", PercentOff(10), promotion)}, []string{"a=9000", "p=1000"}},
		{"apart on goods and shipping", 0, []*candidate{offer("a", PercentOff(100)), offer("b", FreeShipping())}, []string{"a=10000", "b=3000"}},
	} {
		require.Empty(t, cmp.Diff(c.want, outcomes(run(t, ten, c.maxCoupons, c.cs...))), c.name)
	}
	q := run(t, cartOf(1, 1, 1), 0, offer("a", AmountOff(2)))
	require.Equal(t, []Share{{"1", 1}, {"2", 1}}, q.Decisions[0].Shares, "the earlier lines on ties")
}

// Whatever coupons meet whatever cart: the shares of each are its discount, no
// line falls below zero or gets dearer, the total adds up, every coupon has an
// outcome, and the same input has the same answer.
func TestAnyCartAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cart := Cart{Currency: dangol.KRW, Shipping: rapid.Int64Range(0, 5000).Draw(t, "shipping")}
		for i := range rapid.IntRange(0, 6).Draw(t, "lines") {
			l := Line{ID: fmt.Sprint(i), Product: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "product"),
				Categories: rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y"}), 0, 2).Draw(t, "categories"),
				Quantity:   rapid.Int64Range(1, 4).Draw(t, "quantity"), Price: rapid.Int64Range(0, 20_000).Draw(t, "price"),
				NoCoupons: rapid.IntRange(0, 5).Draw(t, "gift card") == 0}
			l.Discount = rapid.Int64Range(0, l.Price*l.Quantity).Draw(t, "discount")
			cart.Lines = append(cart.Lines, l)
		}
		var specs []func() *candidate
		for range rapid.IntRange(0, 7).Draw(t, "coupons") {
			id := rapid.SampledFrom([]string{"d1", "d2", "d3", "d4", "d5"}).Draw(t, "id")
			d := AmountOff(rapid.Int64Range(1, 30_000).Draw(t, "amount"))
			if rapid.Bool().Draw(t, "rate?") {
				d = Discount{Rate: rapid.Int64Range(1, 10_000).Draw(t, "rate"), Max: rapid.Int64Range(0, 5000).Draw(t, "max"),
					Unit: rapid.SampledFrom([]int64{1, 10, 100, 1000}).Draw(t, "unit")}
			}
			d.Shipping = rapid.IntRange(0, 4).Draw(t, "shipping?") == 0
			group := rapid.SampledFrom([]string{"", "", "g", "h"}).Draw(t, "group")
			alone, prio := rapid.IntRange(0, 4).Draw(t, "exclusive") == 0, rapid.IntRange(0, 2).Draw(t, "priority")
			room := rapid.Int64Range(0, 40_000).Draw(t, "room")
			only := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, "only")
			specs = append(specs, func() *candidate {
				c := offer(id, d, func(d *Definition) {
					d.Stacking = Stacking{group, alone, prio}
					d.Targets.Products = only
				})
				c.room = room
				return c
			})
		}
		draw := func() (cs []*candidate) {
			for _, s := range specs {
				cs = append(cs, s())
			}
			return cs
		}
		most := rapid.IntRange(0, 2).Draw(t, "most")
		bases, err := cart.bases()
		require.NoError(t, err)
		q := evaluate(cart, bases, draw(), most)
		require.Empty(t, cmp.Diff(q, evaluate(cart, bases, draw(), most)))

		off := map[string]int64{}
		var sum int64
		applied := 0
		for _, d := range q.Decisions {
			require.NotEmpty(t, d.Outcome)
			require.Equal(t, d.Outcome == NotUsable, len(d.Reasons) > 0)
			require.Equal(t, d.Outcome == LostTo || d.Outcome == BlockedBy, d.By != "")
			require.Equal(t, d.Outcome == Applied, d.Discount > 0)
			var shares int64
			for _, s := range d.Shares {
				require.Positive(t, s.Amount)
				shares += s.Amount
				off[s.Line] += s.Amount
			}
			require.Equal(t, d.Discount, shares)
			sum += shares
			if d.Outcome == Applied {
				applied++
			}
		}
		if most > 0 {
			require.LessOrEqual(t, applied, most)
		}
		require.Equal(t, q.Discount, sum)
		require.Len(t, q.Lines, len(cart.Lines)+1)
		for i, l := range q.Lines {
			require.Equal(t, bases[i], l.Before)
			require.Equal(t, off[l.Line], l.Discount)
			require.GreaterOrEqual(t, l.After(), int64(0))
			if i < len(cart.Lines) && cart.Lines[i].NoCoupons {
				require.Zero(t, l.Discount)
			}
		}
	})
}

func TestBadCarts(t *testing.T) {
	good := func() Cart { return cartOf(1000, 2000) }
	for name, spoil := range map[string]func(*Cart){
		"currency":          func(c *Cart) { c.Currency = "WON" },
		"no line id":        func(c *Cart) { c.Lines[0].ID = "" },
		"reserved id":       func(c *Cart) { c.Lines[0].ID = ShippingLine },
		"id twice":          func(c *Cart) { c.Lines[1].ID = "1" },
		"no pieces":         func(c *Cart) { c.Lines[0].Quantity = 0 },
		"negative price":    func(c *Cart) { c.Lines[0].Price = -1 },
		"overflow":          func(c *Cart) { c.Lines[0].Price, c.Lines[0].Quantity = 1<<40, 1<<40 },
		"total overflow":    func(c *Cart) { c.Lines[0].Price, c.Lines[1].Price = maxMoney, 1 },
		"discount above":    func(c *Cart) { c.Lines[0].Discount = 1001 },
		"negative discount": func(c *Cart) { c.Lines[0].Discount = -1 },
		"shipping":          func(c *Cart) { c.Shipping = -1 },
		"shipping discount": func(c *Cart) { c.ShippingDiscount = 3001 },
		"shipping overflow": func(c *Cart) { c.Shipping = maxMoney },
	} {
		c := good()
		spoil(&c)
		_, err := c.bases()
		require.ErrorIs(t, err, ErrCart, name)
	}
	_, err := good().bases()
	require.NoError(t, err)
}
