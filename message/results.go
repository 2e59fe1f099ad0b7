package message

import (
	"context"
	"encoding/csv"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// Results is what a campaign came to. Audience is the sum of Outcomes, always.
type Results struct {
	Audience int                    // recipients over all occurrences
	Outcomes map[RecipientState]int // what became of them
	Reasons  map[string]int         // why those that were not submitted were not

	Submits      map[Channel]int // messages that providers took, a channel
	Delivered    int             // of them, those with a receipt, an opening or a click
	Opened       int
	Clicked      int
	Unsubscribed int

	Orders  int                       // credited to the campaign's messages, without cancelled ones
	Revenue map[dangol.Currency]int64 // of those orders, in minor units
	Credits int64                     // spent

	Holdout  Comparison
	Variants map[string]VariantResult // by name; "" is the campaign's own contents
}

// VariantResult is what one arm of an A/B test came to.
type VariantResult struct {
	Submits int
	Clicked int
	Orders  int
	Revenue map[dangol.Currency]int64
}

// Share is a part with its denominator.
type Share struct{ Part, Of int }

// Float is the rate for showing; no denominator is no rate, and gives 0.
func (r Share) Float() float64 {
	if r.Of == 0 {
		return 0
	}
	return float64(r.Part) / float64(r.Of)
}

// Sent is the messages' recipients that a provider took, of the audience.
func (r Results) Sent() Share { return Share{r.Outcomes[Submitted], r.Audience} }

// DeliveredRate is of the messages that providers took.
func (r Results) DeliveredRate() Share { return Share{r.Delivered, r.submitted()} }

// OpenRate is of the messages delivered.
func (r Results) OpenRate() Share { return Share{r.Opened, r.Delivered} }

// ClickRate is of the messages delivered.
func (r Results) ClickRate() Share { return Share{r.Clicked, r.Delivered} }

// OrderRate is orders of the messages that providers took.
func (r Results) OrderRate() Share { return Share{r.Orders, r.submitted()} }

func (r Results) submitted() (n int) {
	for _, one := range r.Submits {
		n += one
	}
	return n
}

// Comparison sets customers who got the campaign against those who were held out:
// how many of each bought within the longest attribution window after their first
// occurrence. Lift is the difference of the two rates, Low and High the ends of its
// 95 % interval (Newcombe's, from Wilson's of each rate); an interval that holds 0
// says that chance may be all of it. For showing only.
type Comparison struct {
	Sent, HeldOut   Share
	Lift, Low, High float64
}

// Results adds up a campaign, with what Prune has counted and deleted.
func (s *Service) Results(ctx context.Context, campaign string) (Results, error) {
	c, err := s.Campaign(ctx, campaign)
	if err != nil {
		return newResults(), err
	}
	for {
		res, before, err := s.addUp(ctx, c)
		if err != nil {
			return res, err
		}
		var now string
		err = s.store.View(ctx, func(tx Tx) (err error) {
			again := newResults()
			now, err = again.addTotals(tx, campaign)
			return err
		})
		if err != nil || now == before {
			res.Holdout.interval()
			return res, err
		}
		// Prune came between: what it moved may be missing. Once more.
	}
}

// addUp counts a campaign once, and says on which totals it built.
func (s *Service) addUp(ctx context.Context, c Campaign) (res Results, totals string, err error) {
	res = newResults()
	err = s.store.View(ctx, func(tx Tx) (err error) {
		totals, err = res.addTotals(tx, c.ID)
		return err
	})
	if err != nil {
		return res, totals, err
	}
	window := s.cfg.Windows.longest(c)
	var last dangol.CustomerID
	compared := false
	err = scanPages(s.view(ctx), Range{Index: 2, Equal: []any{c.ID}}, func(page []Recipient) error {
		return s.store.View(ctx, func(tx Tx) error {
			for _, r := range page {
				res.count(r)
				if compared = compared && r.Customer == last; compared {
					continue // a customer is compared once, at the first occurrence
				}
				last = r.Customer
				if compared, err = res.Holdout.add(tx, r, window); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return res, totals, err
	}
	return res, totals, scanPages(s.view(ctx), Range{Index: 2, Equal: []any{c.ID}}, func(page []Delivery) error {
		return s.store.View(ctx, func(tx Tx) error {
			for _, d := range page {
				if err := res.add(tx, d); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// newResults is nothing yet.
func newResults() Results {
	return Results{Outcomes: map[RecipientState]int{}, Reasons: map[string]int{}, Submits: map[Channel]int{}, Revenue: map[dangol.Currency]int64{}, Variants: map[string]VariantResult{}}
}

// count adds a recipient.
func (r *Results) count(one Recipient) {
	r.Audience++
	r.Outcomes[one.State]++
	if one.State != Submitted && one.Reason != "" {
		r.Reasons[one.Reason]++
	}
}

// add counts a recipient who got the message or was held out, and tells whether it
// was one of those.
func (c *Comparison) add(tx Tx, r Recipient, window time.Duration) (bool, error) {
	arm := &c.Sent
	switch {
	case r.State == Dropped && r.Reason == ReasonHoldout:
		arm = &c.HeldOut
	case r.State != Submitted:
		return false, nil
	}
	yes, err := bought(tx, r.Customer, r.Since, r.Since.Add(window))
	if err != nil {
		return false, err
	}
	arm.Of++
	if yes {
		arm.Part++
	}
	return true, nil
}

func (r *Results) add(tx Tx, d Delivery) error {
	count := func(n *int, at time.Time) {
		if !at.IsZero() {
			*n++
		}
	}
	v := r.Variants[d.Variant]
	if v.Revenue == nil {
		v.Revenue = map[dangol.Currency]int64{}
	}
	defer func() { r.Variants[d.Variant] = v }()
	if !d.Accepted.IsZero() || d.Status == StatusDelivered {
		r.Submits[d.Channel]++
		v.Submits++
	}
	count(&v.Clicked, d.Clicked)
	if d.Status == StatusDelivered {
		r.Delivered++
	}
	count(&r.Opened, d.Opened)
	count(&r.Clicked, d.Clicked)
	count(&r.Unsubscribed, d.Unsubscribed)
	if !d.Refunded {
		r.Credits += d.Cost
	}
	orders, err := scan[Order](tx, Range{Index: 2, Equal: []any{d.Key}})
	for _, o := range orders {
		r.Orders++
		r.Revenue[o.Amount.Currency] += o.Amount.Minor
		v.Orders++
		v.Revenue[o.Amount.Currency] += o.Amount.Minor
	}
	return err
}

// interval computes the lift and where it lies.
func (c *Comparison) interval() {
	if c.Sent.Of == 0 || c.HeldOut.Of == 0 {
		return
	}
	p, q := c.Sent.Float(), c.HeldOut.Float()
	pl, ph := wilson(c.Sent)
	ql, qh := wilson(c.HeldOut)
	c.Lift = p - q
	c.Low = c.Lift - math.Hypot(p-pl, qh-q)
	c.High = c.Lift + math.Hypot(ph-p, q-ql)
}

// wilson is the 95 % score interval of a rate.
func wilson(r Share) (low, high float64) {
	const z = 1.959964
	n, p := float64(r.Of), r.Float()
	mid := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return (mid - half) / (1 + z*z/n), (mid + half) / (1 + z*z/n)
}

// ExportCSV writes a campaign's target list with what became of everybody: a line a
// recipient and message, in UTF-8 with a byte order mark, times by the shop's clock.
// Cells that a spreadsheet would take for formulas start with an apostrophe.
func (s *Service) ExportCSV(ctx context.Context, campaign string, w io.Writer) error {
	if _, err := s.Campaign(ctx, campaign); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\uFEFF"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"occurrence", "customer", "state", "reason", "variant", "channel", "address", "status",
		"submitted", "delivered", "opened", "clicked", "coupon", "orders", "revenue"}); err != nil {
		return err
	}
	err := scanPages(s.view(ctx), Range{Equal: []any{campaign}}, func(page []Recipient) error {
		return s.store.View(ctx, func(tx Tx) error {
			for _, r := range page {
				sent, err := scan[Delivery](tx, Range{Index: 2, Equal: []any{campaign, string(r.Customer)}})
				if err != nil {
					return err
				}
				sent = slices.DeleteFunc(sent, func(d Delivery) bool { return d.Occurrence != r.Occurrence })
				if len(sent) == 0 {
					sent = []Delivery{{}}
				}
				for _, d := range sent {
					cells, err := s.cells(tx, r, d)
					if err != nil {
						return err
					}
					if err := out.Write(cells); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func (s *Service) cells(tx Tx, r Recipient, d Delivery) ([]string, error) {
	local := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(s.cfg.Zone).Format("2006-01-02 15:04:05")
	}
	orders, revenue := 0, map[dangol.Currency]int64{}
	if d.Key != "" {
		credited, err := scan[Order](tx, Range{Index: 2, Equal: []any{d.Key}})
		if err != nil {
			return nil, err
		}
		for _, o := range credited {
			orders++
			revenue[o.Amount.Currency] += o.Amount.Minor
		}
	}
	var amounts []string
	for _, c := range slices.Sorted(maps.Keys(revenue)) {
		amounts = append(amounts, dangol.Money{Minor: revenue[c], Currency: c}.String())
	}
	cells := []string{r.Occurrence, string(r.Customer), string(r.State), r.Reason, r.Variant, string(r.Channel), d.Address, string(d.Status),
		local(d.Submitted), local(d.Delivered), local(d.Opened), local(d.Clicked), d.Coupon, strconv.Itoa(orders), strings.Join(amounts, "; ")}
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	return cells, nil
}
