package coupon

import (
	"time"

	"github.com/dangol-dev/dangol"
)

// Grant is one coupon that can be used: an entry in a customer's wallet, a single
// code that nobody has claimed yet, or a shared code.
type Grant struct {
	ID         string // made by the library
	Definition string
	Version    int64  // the definition's version that it keeps; a shared code follows the newest
	Code       string // as NormalizeCode makes it; unique in the shop

	// Customer owns it. Empty for a shared code and for a single code until it
	// is claimed; such a code can be used by whoever holds it.
	Customer dangol.CustomerID
	Shared   bool // any number of uses, as the definition's limits allow

	Key      string // the caller's key of the issue, unique; empty for codes of a batch
	Batch    string
	Campaign string // what caused it, for results
	Group    string // the group that caused it, for results

	Issued  time.Time // when it became the customer's, or was made
	Starts  time.Time
	Expires time.Time // usable before it; zero is no end
	Revoked time.Time // when the shop took it back; zero if it did not

	// Used is when its use was committed, for which Order and with which
	// Discount. Zero while it is not used.
	Used     time.Time
	Order    string
	Discount int64

	Rev int64 // counts changes of the record, for stores
}

// Usable tells whether the grant is neither used nor revoked nor outside its
// time. It does not know of limits, stops and reservations; Quote does.
func (g Grant) Usable(at time.Time) bool {
	return g.Used.IsZero() && g.Revoked.IsZero() && !at.Before(g.Starts) && !g.expired(at)
}

func (g Grant) expired(at time.Time) bool { return !g.Expires.IsZero() && !at.Before(g.Expires) }
