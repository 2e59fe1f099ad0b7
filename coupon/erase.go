package coupon

import (
	"context"

	"github.com/dangol-dev/dangol"
)

// Erase forgets a customer: a random name, which nothing else knows, takes their
// place in every record, so that limits, ledger and results still add up. Their
// coupons are nobody's from then on; orders that are under way can still be
// committed, released and restored by their keys. It returns the random name.
//
// Texts that the host chose stay as they are: keys, orders, campaigns. Do not put
// personal data into them.
func (s *Service) Erase(ctx context.Context, customer dangol.CustomerID) (dangol.CustomerID, error) {
	if err := checkKey("the customer", string(customer)); err != nil {
		return "", err
	}
	name, err := randomID(s.random, "erased_")
	if err != nil {
		return "", err
	}
	to := dangol.CustomerID(name)
	err = s.update(ctx, func(tx Tx) error { return tx.Rename(ctx, customer, to) })
	if err != nil {
		return "", err
	}
	return to, nil
}
