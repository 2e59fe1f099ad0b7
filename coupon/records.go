package coupon

import (
	"context"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
)

// Record is a customer's coupon as rules read it, in kind `coupons`: issued is
// the record's time, used and expires are missing when zero. A rule such as
// coupons(where usable) follows when a coupon is issued, used or expires.
type Record struct {
	Key        string // the grant's ID
	Customer   dangol.CustomerID
	Issued     time.Time
	Starts     time.Time
	Used       time.Time
	Expires    time.Time
	Definition string
	Name       string
	Code       string
	Campaign   string
	Group      string
}

// Records walks the coupons of customers in pages of bounded memory, to fill or
// refresh the rules' data: of one customer, or all of them when it is empty. The
// walk ends with the first error.
func (s *Service) Records(ctx context.Context, customer dangol.CustomerID) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		names := map[string]string{}
		for g, err := range s.Grants(ctx, GrantQuery{Customer: customer, Owned: true}) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			name, known := names[g.Definition]
			if !known {
				d, _, err := s.Definition(ctx, g.Definition, 0)
				if err != nil {
					yield(Record{}, err)
					return
				}
				name = d.Name
				names[g.Definition] = name
			}
			r := Record{
				Key: g.ID, Customer: g.Customer, Issued: g.Issued, Starts: g.Starts, Used: g.Used, Expires: g.Expires,
				Definition: g.Definition, Name: name, Code: g.Code, Campaign: g.Campaign, Group: g.Group,
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
