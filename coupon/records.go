package coupon

import (
	"context"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
)

// Record is a customer's coupon as rules read it, in kind `coupons`: issued is
// the record's time, a zero field is missing. A rule such as
// coupons(where usable) follows when a coupon is issued, used or expires.
type Record struct {
	Key        string // the grant's ID
	Customer   dangol.CustomerID
	Issued     time.Time
	Starts     time.Time
	Used       time.Time
	Revoked    time.Time
	Expires    time.Time // a due field: rules look ahead to it
	Definition string
	Name       string
	Code       string
	Campaign   string
	Group      string
	Order      string // that used it
	Discount   int64  // that it gave, in minor units of Currency
	Currency   dangol.Currency
}

// Of is whose coupon it is, and its key.
func (r Record) Of() (customer dangol.CustomerID, key string) { return r.Customer, r.Key }

// Fields are the record's fields under their names in the shop's catalog: a
// time.Time, a string, or an int64 in minor units. Missing ones are left out.
func (r Record) Fields() map[string]any {
	f := map[string]any{}
	for name, t := range map[string]time.Time{"issued": r.Issued, "used": r.Used, "revoked": r.Revoked, "expires": r.Expires} {
		if !t.IsZero() {
			f[name] = t
		}
	}
	for name, s := range map[string]string{"definition": r.Definition, "code": r.Code, "campaign": r.Campaign, "order": r.Order} {
		if s != "" {
			f[name] = s
		}
	}
	if !r.Used.IsZero() {
		f["discount"] = r.Discount
	}
	return f
}

// Records walks the coupons of customers in pages of bounded memory, to fill or
// refresh the rules' data: of one customer, or all of them when it is empty. The
// walk ends with the first error.
func (s *Service) Records(ctx context.Context, customer dangol.CustomerID) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		definitions := map[string]Definition{}
		for g, err := range s.Grants(ctx, GrantQuery{Customer: customer, Owned: true}) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			d, known := definitions[g.Definition]
			if !known {
				if d, err = s.Definition(ctx, g.Definition, 0); err != nil {
					yield(Record{}, err)
					return
				}
				definitions[g.Definition] = d
			}
			r := Record{
				Key: g.ID, Customer: g.Customer, Issued: g.Issued, Starts: g.Starts, Used: g.Used,
				Revoked: g.Revoked, Expires: g.Expires, Definition: g.Definition, Name: d.Name, Code: g.Code,
				Campaign: g.Campaign, Group: g.Group, Order: g.Order, Discount: g.Discount, Currency: d.Currency,
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
