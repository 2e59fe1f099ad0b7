package coupon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
)

// ResultQuery selects what Results sums up.
type ResultQuery struct {
	Definition string // Defaults to all
	// From and To bound when things happened: issued, committed, restored,
	// cancelled. Default to all time.
	From, To time.Time
}

// Result is how coupons did.
type Result struct {
	Definition string
	Campaign   string
	Group      string
	Currency   dangol.Currency

	Issued    int64 // coupons that became a customer's
	Used      int64 // uses committed, those that came back and the cancelled ones included
	Restored  int64 // uses that came back
	Cancelled int64 // uses whose order was cancelled or returned in full
	Discount  int64 // given, without cancelled orders
	// Revenue is what the orders came to after coupons, without cancelled ones.
	// An order with two coupons counts for both.
	Revenue int64
}

// By says how results are summed.
type By string

const (
	ByDefinition By = "definition"
	ByGroup      By = "group"
	ByCampaign   By = "campaign"
)

// Results sums up what happened to coupons and promotions, a row for each
// definition, group or campaign and currency, in that order. The other two names
// of a row are empty.
func (s *Service) Results(ctx context.Context, by By, q ResultQuery) ([]Result, error) {
	if by != ByDefinition && by != ByGroup && by != ByCampaign {
		return nil, requestError("results by %q are unknown", by)
	}
	q.From, q.To = instant(q.From), instant(q.To)
	var rows []Result
	currencies := map[string]dangol.Currency{}
	err := s.store.View(ctx, func(tx Tx) (err error) {
		if rows, err = tx.Results(ctx, q); err != nil {
			return err
		}
		for _, r := range rows {
			if currencies[r.Definition] == "" {
				d, err := tx.Definition(ctx, r.Definition, 0)
				if err != nil {
					return err
				}
				currencies[r.Definition] = d.Currency
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	type name struct {
		definition, campaign, group string
		currency                    dangol.Currency
	}
	sums := map[name]Result{}
	for _, r := range rows {
		k := name{currency: currencies[r.Definition]}
		switch by {
		case ByDefinition:
			k.definition = r.Definition
		case ByGroup:
			k.group = r.Group
		case ByCampaign:
			k.campaign = r.Campaign
		}
		sum := sums[k].plus(r)
		sum.Definition, sum.Campaign, sum.Group, sum.Currency = k.definition, k.campaign, k.group, k.currency
		sums[k] = sum
	}
	out := make([]Result, 0, len(sums))
	for _, r := range sums {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Definition, b.Definition), cmp.Compare(a.Group, b.Group),
			cmp.Compare(a.Campaign, b.Campaign), cmp.Compare(a.Currency, b.Currency))
	})
	return out, nil
}

// plus adds the numbers of a row.
func (r Result) plus(o Result) Result {
	r.Issued += o.Issued
	r.Used += o.Used
	r.Restored += o.Restored
	r.Cancelled += o.Cancelled
	r.Discount += o.Discount
	r.Revenue += o.Revenue
	return r
}

// Count adds a ledger entry to a result, for stores that sum in Go.
func (r *Result) Count(e Entry) {
	switch e.Event {
	case EventCommit:
		r.Used++
		r.Discount += e.Discount
		r.Revenue += e.Paid
	case EventRestore:
		r.Restored++
	case EventCancel:
		r.Cancelled++
		r.Discount -= e.Discount
		r.Revenue -= e.Paid
	}
}

// Within tells whether an instant is in the query's time.
func (q ResultQuery) Within(t time.Time) bool {
	return !t.Before(q.From) && (q.To.IsZero() || t.Before(q.To))
}
