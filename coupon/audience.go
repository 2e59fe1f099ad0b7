package coupon

import (
	"context"
	"errors"

	"github.com/dangol-dev/dangol"
)

// groupAnswers are what the Audience said for one customer and store.
type groupAnswers map[string]groupAnswer

type groupAnswer struct {
	in      bool
	priced  bool // pricing was asked
	pricing bool
	err     error
}

var errNoAudience = errors.New("coupon: the service has no Audience to ask")

// askGroups asks once for every group that the candidates need.
func (s *Service) askGroups(ctx context.Context, req Request, found []*candidate) (groupAnswers, error) {
	out := groupAnswers{}
	for _, c := range found {
		if !c.needsAudience() {
			continue
		}
		for _, g := range c.now.Audience {
			a, asked := out[g]
			if !asked {
				a = s.askGroup(ctx, g, req.Customer)
			}
			if c.now.Kind == KindPromotion && a.err == nil && a.in && !a.priced {
				a.priced = true
				a.pricing, a.err = s.config.Audience.GroupPricing(ctx, g, req.Cart.Store)
			}
			out[g] = a
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return out, nil
}

// askGroup tells whether the customer is in the group now. Nobody is in no group.
func (s *Service) askGroup(ctx context.Context, group string, customer dangol.CustomerID) (a groupAnswer) {
	if s.config.Audience == nil {
		return groupAnswer{err: errNoAudience}
	}
	snap, err := s.config.Audience.Snapshot(ctx, group)
	if err != nil || customer == "" {
		return groupAnswer{err: err}
	}
	a.in, a.err = s.config.Audience.Contains(ctx, snap, customer)
	return a
}

// reason is why the definition's groups keep the customer out, or "". One group
// that holds the customer is enough, whatever is wrong with another.
func (a groupAnswers) reason(d Definition) Reason {
	r := ReasonAudience
	for _, g := range d.Audience {
		answer, asked := a[g]
		switch {
		case !asked || answer.err != nil:
			if r == ReasonAudience {
				r = ReasonAudienceError
			}
		case answer.in && d.Kind == KindPromotion && !answer.pricing:
			r = ReasonPricingOff
		case answer.in:
			return ""
		}
	}
	return r
}
