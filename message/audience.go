package message

import (
	"context"

	"github.com/dangol-dev/dangol"
)

// Audience is what campaigns need of groups. Package segment satisfies it.
type Audience interface {
	// Snapshot names the group's current members; they do not change any more.
	Snapshot(ctx context.Context, group string) (dangol.Snapshot, error)
	// Members is a page of at most limit members behind after, in the order of the ids'
	// bytes. The last page is shorter than limit.
	Members(ctx context.Context, snap dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error)
	// Contains tells whether the customer is a member.
	Contains(ctx context.Context, snap dangol.Snapshot, id dangol.CustomerID) (bool, error)
	// Hold keeps the group from being edited while the use lasts. Holding twice is one hold.
	Hold(ctx context.Context, group string, use dangol.Use) error
	// Release ends a hold. Releasing what is not held does nothing.
	Release(ctx context.Context, group string, use dangol.Use) error
}

// Contacts is the host's data about customers that a message needs. Consent is not
// among it: that is what the service's own ledger is for.
type Contacts interface {
	// Contacts looks up customers. Those that are missing from the answer have left.
	Contacts(ctx context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]Contact, error)
}

// Contact is one customer as a message needs it.
type Contact struct {
	Addresses map[Channel]string // phone numbers for sms, lms, alimtalk and kakao_brand, and so on
	Country   string             // ISO 3166 code, whose rules apply. Defaults to the campaign's
	Zone      string             // IANA name, for quiet hours. Defaults to the zone of the country's rules
	// Vars are the template variables: strings, integers, booleans, dangol.Money, and
	// lists of strings.
	Vars map[string]any
}

// Coupons issues coupons for coupon blocks with a definition. Package coupon, or a
// few lines of the host around any other, satisfies it.
type Coupons interface {
	// Issue gives the customer a coupon of the definition, the same one for the same
	// key however often it is called.
	Issue(ctx context.Context, definition string, to dangol.CustomerID, key string) (code, url string, err error)
}

// CouponsFunc makes Coupons of a function.
type CouponsFunc func(ctx context.Context, definition string, to dangol.CustomerID, key string) (code, url string, err error)

// Issue calls f.
func (f CouponsFunc) Issue(ctx context.Context, definition string, to dangol.CustomerID, key string) (code, url string, err error) {
	return f(ctx, definition, to, key)
}
