package coupon

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrNotFound is returned when no definition, grant, redemption or batch has
	// the given key.
	ErrNotFound = errors.New("coupon: not found")
	// ErrKeyReused is returned when a key comes back with another request than
	// the first one it named. The first answer stands.
	ErrKeyReused = errors.New("coupon: the key already names another request")
	// ErrDefinition is returned when a definition breaks a rule; the text lists
	// every broken one.
	ErrDefinition = errors.New("coupon: invalid definition")
	// ErrStale is returned when a definition was saved by somebody else since it
	// was read.
	ErrStale = errors.New("coupon: the definition has changed since it was read")
	// ErrConfirm is returned when a promotion is restricted to groups without
	// Confirm. The restriction cannot be undone.
	ErrConfirm = errors.New("coupon: restricting a promotion to groups cannot be undone and needs Confirm")
	// ErrFinal is returned when a save would lift a promotion's restriction to
	// groups, or change what a definition can never change.
	ErrFinal = errors.New("coupon: this cannot be undone")
	// ErrCart is returned when a cart has negative or overflowing amounts, or a
	// line twice.
	ErrCart = errors.New("coupon: invalid cart")
	// ErrRequest is returned when a request lacks what the call needs.
	ErrRequest = errors.New("coupon: invalid request")
	// ErrReleased is returned when a redemption is committed after its release.
	ErrReleased = errors.New("coupon: the reservation was released")
	// ErrCommitted is returned when a redemption is released after its commit;
	// Restore undoes a commit.
	ErrCommitted = errors.New("coupon: the redemption was committed")
	// ErrCodeSpace is returned when codes of the configured length could be
	// guessed, given how many are live.
	ErrCodeSpace = errors.New("coupon: codes of this length are too few")
	// ErrLink is returned when a link was not signed by this service or was
	// changed.
	ErrLink = errors.New("coupon: the link is not genuine")
	// ErrLinkExpired is returned when a genuine link's time is over.
	ErrLinkExpired = errors.New("coupon: the link has expired")
	// ErrTooManyLookups is returned when the client has tried too many codes
	// that do not exist.
	ErrTooManyLookups = errors.New("coupon: too many unknown codes were tried")
)

// Reason says why a coupon cannot be used or given. All that apply are listed,
// in the order below.
type Reason string

const (
	ReasonUnknown       Reason = "unknown"        // no such code or grant
	ReasonMistyped      Reason = "mistyped"       // the code's check symbol is wrong
	ReasonNotYours      Reason = "not-yours"      // it belongs to another customer
	ReasonNoCustomer    Reason = "no-customer"    // it needs a customer, the cart is a guest's
	ReasonStopped       Reason = "stopped"        // the shop has stopped issuing or using
	ReasonUsed          Reason = "used"           // this grant was used or is reserved by another cart
	ReasonRevoked       Reason = "revoked"        // the shop has taken it back
	ReasonNotStarted    Reason = "not-started"    // its time begins later
	ReasonExpired       Reason = "expired"        // its time is over
	ReasonCurrency      Reason = "currency"       // the cart has another currency
	ReasonChannel       Reason = "channel"        // not in this sales channel
	ReasonStore         Reason = "store"          // not in this store
	ReasonAudience      Reason = "audience"       // the customer is in none of the groups
	ReasonAudienceError Reason = "audience-error" // the group is broken or could not be asked
	ReasonPricingOff    Reason = "pricing-off"    // group pricing is off in this store
	ReasonTarget        Reason = "target"         // the cart has nothing it applies to
	ReasonMinimum       Reason = "minimum"        // the order is too small
	ReasonLimitTotal    Reason = "limit-total"    // all uses are taken
	ReasonLimitCustomer Reason = "limit-customer" // all uses of this customer are taken
	ReasonLimitPeriod   Reason = "limit-period"   // all uses of this day, week, month or year are taken
	ReasonBudget        Reason = "budget"         // the money set aside is spent
)

var reasonOrder = []Reason{
	ReasonUnknown, ReasonMistyped, ReasonNotYours, ReasonNoCustomer, ReasonStopped, ReasonUsed, ReasonRevoked, ReasonNotStarted,
	ReasonExpired, ReasonCurrency, ReasonChannel, ReasonStore, ReasonAudience, ReasonAudienceError, ReasonPricingOff,
	ReasonTarget, ReasonMinimum, ReasonLimitTotal, ReasonLimitCustomer, ReasonLimitPeriod, ReasonBudget,
}

// Refusal is one coupon that cannot be used or given, with every reason.
type Refusal struct {
	Code       string   `json:",omitempty"` // as the caller wrote it
	Grant      string   `json:",omitempty"`
	Definition string   `json:",omitempty"`
	Reasons    []Reason // at least one, in the order of the constants
}

// RefusedError is returned when coupons that the caller named cannot be used or
// given. Nothing was consumed.
type RefusedError struct {
	Refusals []Refusal
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString("coupon: refused")
	for i, r := range e.Refusals {
		sep := ": "
		if i > 0 {
			sep = "; "
		}
		name := r.Code
		if name == "" {
			name = r.Grant
		}
		if name == "" {
			name = r.Definition
		}
		fmt.Fprintf(&b, "%s%s", sep, name)
		for j, reason := range r.Reasons {
			if j == 0 {
				b.WriteString(" (")
			} else {
				b.WriteString(", ")
			}
			b.WriteString(string(reason))
		}
		b.WriteString(")")
	}
	return b.String()
}

// Has tells whether any refused coupon has the reason.
func (e *RefusedError) Has(r Reason) bool {
	return slices.ContainsFunc(e.Refusals, func(f Refusal) bool { return slices.Contains(f.Reasons, r) })
}

// Refused finds the refusals in an error, and whether it is one.
func Refused(err error) ([]Refusal, bool) {
	var e *RefusedError
	if !errors.As(err, &e) {
		return nil, false
	}
	return e.Refusals, true
}

// sortReasons orders reasons as the constants are, without repeats.
func sortReasons(rs []Reason) []Reason {
	slices.SortFunc(rs, func(a, b Reason) int { return slices.Index(reasonOrder, a) - slices.Index(reasonOrder, b) })
	return slices.Compact(rs)
}
