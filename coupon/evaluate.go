package coupon

import (
	"cmp"
	"slices"
)

// priced is a usable candidate with what it would take off if it were alone.
type priced struct {
	*candidate
	decision int     // its place in the quote
	base     int64   // of its eligible lines, before any coupon
	weights  []int64 // its eligible lines' bases; 0 for the others
	alone    int64
}

// evaluate decides which candidates apply to a cart and what each takes off which
// line. It is a pure function: the same input gives the same quote.
//
//  1. Eligibility and the base of every candidate are fixed before any applies.
//  2. Of one definition, and of one stacking group, the best candidate stays.
//  3. Either all that may stand together apply, or one exclusive candidate alone:
//     the choice with the highest priority in it, then with the larger discount.
//  4. They apply in order, each to what the earlier ones left of its lines.
func evaluate(cart Cart, bases []int64, found []*candidate, maxCoupons int) Quote {
	q := Quote{Currency: cart.Currency, Decisions: make([]Decision, len(found))}
	var usable []*priced
	for i, c := range found {
		q.Decisions[i] = c.decide()
		p := price(cart, bases, c, i)
		q.Decisions[i].Reasons = sortReasons(c.reason)
		switch {
		case len(c.reason) > 0:
			q.Decisions[i].Outcome = NotUsable
		case p.alone == 0:
			q.Decisions[i].Outcome = NoEffect
		default:
			usable = append(usable, p)
		}
	}
	slices.SortStableFunc(usable, before)
	usable = winners(usable, q.Decisions, func(p *priced) string { return p.now.ID })
	usable = winners(usable, q.Decisions, func(p *priced) string { return p.terms.Stacking.Group })
	chosen := choose(usable, bases, q.Decisions, maxCoupons)

	left := slices.Clone(bases)
	shares := make([]int64, len(bases))
	for _, p := range chosen {
		d := &q.Decisions[p.decision]
		if d.Discount = p.apply(left, shares); d.Discount == 0 {
			d.Outcome = NoEffect
			continue
		}
		d.Outcome = Applied
		q.Discount += d.Discount
		for i, n := range shares {
			if n > 0 {
				d.Shares = append(d.Shares, Share{lineID(cart, i), n})
			}
		}
	}
	q.Lines = make([]PaidLine, len(bases))
	for i := range bases {
		q.Lines[i] = PaidLine{Line: lineID(cart, i), Quantity: 1, Before: bases[i], Discount: bases[i] - left[i]}
		if i < len(cart.Lines) {
			q.Lines[i].Quantity = cart.Lines[i].Quantity
		}
	}
	return q
}

func lineID(cart Cart, i int) string {
	if i == len(cart.Lines) {
		return ShippingLine
	}
	return cart.Lines[i].ID
}

// decide starts the explanation of a candidate.
func (c *candidate) decide() Decision {
	return Decision{
		Definition: c.terms.ID, Version: c.terms.Version, Name: c.terms.Name, Promotion: c.terms.Kind == KindPromotion,
		Grant: c.grant.ID, Code: c.code,
	}
}

// price fixes a candidate's eligible lines and adds the reasons that the cart gives.
func price(cart Cart, bases []int64, c *candidate, decision int) *priced {
	p := &priced{candidate: c, decision: decision}
	if c.terms.ID == "" {
		return p
	}
	p.weights = make([]int64, len(bases))
	var goods, targets int64
	matched := false
	for i, l := range cart.Lines {
		if l.NoCoupons {
			continue
		}
		goods += bases[i]
		if c.terms.Targets.match(l) {
			matched = true
			targets += bases[i]
			p.weights[i] = bases[i]
		}
	}
	p.base = targets
	if c.terms.Discount.Shipping {
		clear(p.weights)
		p.base = bases[len(bases)-1]
		p.weights[len(bases)-1] = p.base
	}
	if !matched {
		c.refuse(ReasonTarget)
	}
	if least := c.terms.Minimum; least.Amount > 0 && (!least.OfTargets && goods < least.Amount || least.OfTargets && targets < least.Amount) {
		c.refuse(ReasonMinimum)
	}
	p.alone = p.off(p.base)
	return p
}

// off is the discount when so much of its lines is left to pay: the amount, or the
// rate of the whole base floored to the unit, then the maximum, then what is left
// to pay and in the budgets.
func (p *priced) off(left int64) int64 {
	d := p.terms.Discount
	n := d.Amount
	if d.Rate > 0 {
		n = rateOf(p.base, d.Rate)
		n -= n % d.Unit
		if d.Max > 0 {
			n = min(n, d.Max)
		}
	}
	return min(n, left, p.room)
}

// apply takes the discount off what is left of the lines, and sets the shares.
func (p *priced) apply(left, shares []int64) int64 {
	var sum int64
	weights := make([]int64, len(left))
	for i, w := range p.weights {
		weights[i] = min(w, left[i])
		sum += weights[i]
	}
	n := p.off(sum)
	allocate(n, weights, shares)
	for i := range left {
		left[i] -= shares[i]
	}
	return n
}

// before orders candidates: by priority, promotions before coupons, the larger
// discount, what expires sooner, then by name so that the order is always the same.
func before(a, b *priced) int {
	if n := cmp.Compare(b.terms.Stacking.Priority, a.terms.Stacking.Priority); n != 0 {
		return n
	}
	if a.terms.Kind != b.terms.Kind {
		if a.terms.Kind == KindPromotion {
			return -1
		}
		return 1
	}
	if n := cmp.Compare(b.alone, a.alone); n != 0 {
		return n
	}
	if x, y := a.grant.Expires, b.grant.Expires; !x.Equal(y) {
		switch {
		case x.IsZero():
			return 1
		case y.IsZero():
			return -1
		}
		return x.Compare(y)
	}
	return cmp.Or(cmp.Compare(a.terms.ID, b.terms.ID), cmp.Compare(a.grant.ID, b.grant.ID))
}

// winners keeps the best of each group: by priority, then by discount, then by the
// order of before. The empty group is none.
func winners(ps []*priced, ds []Decision, group func(*priced) string) []*priced {
	best := map[string]*priced{}
	for _, p := range ps {
		g := group(p)
		if w, ok := best[g]; !ok || better(p, w) {
			best[g] = p
		}
	}
	return slices.DeleteFunc(ps, func(p *priced) bool {
		g := group(p)
		if g == "" || best[g] == p {
			return false
		}
		ds[p.decision].Outcome, ds[p.decision].By = LostTo, best[g].terms.ID
		return true
	})
}

func better(a, b *priced) bool {
	return cmp.Or(cmp.Compare(a.terms.Stacking.Priority, b.terms.Stacking.Priority), cmp.Compare(a.alone, b.alone)) > 0
}

// choose decides between all that stand together and one that stands alone.
func choose(ps []*priced, bases []int64, ds []Decision, maxCoupons int) []*priced {
	var together []*priced
	var over []*priced // together but beyond maxCoupons
	coupons := 0
	for _, p := range ps {
		if p.terms.Stacking.Exclusive {
			continue
		}
		if p.terms.Kind == KindCoupon {
			if coupons++; maxCoupons > 0 && coupons > maxCoupons {
				over = append(over, p)
				continue
			}
		}
		together = append(together, p)
	}
	chosen := together
	for _, p := range ps {
		if p.terms.Stacking.Exclusive {
			if alone := []*priced{p}; beats(alone, chosen, bases) {
				chosen = alone
			}
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	for _, p := range ps {
		if !slices.Contains(chosen, p) {
			by := chosen[0].terms.ID
			if slices.Contains(over, p) && slices.Equal(chosen, together) {
				by = lastCoupon(together).terms.ID
			}
			ds[p.decision].Outcome, ds[p.decision].By = BlockedBy, by
		}
	}
	return chosen
}

// beats compares two choices by the highest priority in them, then by discount.
func beats(a, b []*priced, bases []int64) bool {
	if len(b) == 0 {
		return true
	}
	if x, y := top(a), top(b); x != y {
		return x > y
	}
	return total(a, bases) > total(b, bases)
}

func top(ps []*priced) int {
	n := ps[0].terms.Stacking.Priority
	for _, p := range ps {
		n = max(n, p.terms.Stacking.Priority)
	}
	return n
}

func total(ps []*priced, bases []int64) (sum int64) {
	left := slices.Clone(bases)
	shares := make([]int64, len(bases))
	for _, p := range ps {
		sum += p.apply(left, shares)
	}
	return sum
}

func lastCoupon(ps []*priced) *priced {
	last := ps[0]
	for _, p := range ps {
		if p.terms.Kind == KindCoupon {
			last = p
		}
	}
	return last
}
