package coupon

import (
	"time"

	"github.com/dangol-dev/dangol"
)

// State is how far a redemption has come.
type State string

const (
	StateReserved  State = "reserved"  // its uses are taken until Expires
	StateCommitted State = "committed" // its uses belong to Order
	StateReleased  State = "released"  // given back by the caller
	StateLapsed    State = "lapsed"    // given back since Expires passed; may still be committed
	StateRefused   State = "refused"   // the reservation was refused; nothing was taken
)

// Redemption is what one key stands for: coupons reserved for a cart and what
// became of them.
type Redemption struct {
	Key      string
	State    State
	Customer dangol.CustomerID
	Currency dangol.Currency
	Discount int64      // of all uses together
	Lines    []PaidLine // the cart's lines, then shipping
	Uses     []Use      // the coupons and promotions that apply
	Refusals []Refusal  `json:",omitempty"` // why it was refused
	Order    string     // from Commit

	At        time.Time // the moment by which validity and periods were judged
	Reserved  time.Time
	Expires   time.Time // when the reservation lapses
	Committed time.Time
	Ended     time.Time // of a release or lapse
	Cancelled time.Time // of a full cancel or return

	Request string // fingerprint of the request that the key names
	Rev     int64  // counts changes of the record, for stores
}

// Use is one coupon or promotion within a redemption.
type Use struct {
	Definition string
	Version    int64
	Name       string
	Grant      string // empty for a promotion
	Shared     bool   // of a shared code
	Campaign   string
	Group      string
	Discount   int64
	Shares     []Share // the discount over the lines; their sum is Discount

	Restored    time.Time // zero while it is used up
	RestoredFor Cause
}

// PaidLine is a line of the cart as it was paid.
type PaidLine struct {
	Line     string // its ID, or ShippingLine
	Quantity int64
	Before   int64 // to pay before coupons
	Discount int64 // the part of all coupons that falls on it
}

// After is what was paid for the line.
func (l PaidLine) After() int64 { return l.Before - l.Discount }

// Paid is what the customer pays for the cart.
func (r Redemption) Paid() (sum int64) {
	for _, l := range r.Lines {
		sum += l.After()
	}
	return sum
}

// asReserved is the answer that Reserve gave.
func (r Redemption) asReserved() Redemption {
	r.State, r.Refusals = StateReserved, nil
	r.Order, r.Committed, r.Ended, r.Cancelled = "", time.Time{}, time.Time{}, time.Time{}
	r.Uses, r.Rev = notRestored(r.Uses), 0
	return r
}

// asCommitted is the answer that Commit gave.
func (r Redemption) asCommitted() Redemption {
	r.Cancelled, r.Ended = time.Time{}, time.Time{}
	r.Uses, r.Rev = notRestored(r.Uses), 0
	return r
}

// asReleased is the answer that Release gave.
func (r Redemption) asReleased() Redemption {
	r.Rev = 0
	return r
}

func notRestored(uses []Use) []Use {
	out := append([]Use(nil), uses...)
	for i := range out {
		out[i].Restored, out[i].RestoredFor = time.Time{}, ""
	}
	return out
}

// Refund is the money of returned pieces of one line.
type Refund struct {
	Paid     int64 // to give back
	Discount int64 // the part of the coupons that goes with it
}

// Refund tells what to give back for more pieces of a line when so many were
// returned before. It is a plain computation: the host keeps count. Whatever the
// steps, all pieces together give back exactly what was paid for the line.
func (r Redemption) Refund(line string, before, more int64) (Refund, error) {
	for _, l := range r.Lines {
		if l.Line != line {
			continue
		}
		if before < 0 || more < 0 || before > l.Quantity || more > l.Quantity-before {
			return Refund{}, requestError("line %q has %d pieces; %d were returned before, %d more are too many", line, l.Quantity, before, more)
		}
		part := func(whole int64) int64 {
			return partOf(whole, before+more, l.Quantity) - partOf(whole, before, l.Quantity)
		}
		return Refund{Paid: part(l.After()), Discount: part(l.Discount)}, nil
	}
	return Refund{}, requestError("the cart has no line %q", line)
}

// Cause is what gives coupons back.
type Cause string

const (
	FullCancel    Cause = "full-cancel"
	FullReturn    Cause = "full-return"
	PartialCancel Cause = "partial-cancel"
	PartialReturn Cause = "partial-return"
)

func (c Cause) known() bool {
	return c == FullCancel || c == FullReturn || c == PartialCancel || c == PartialReturn
}

func (c Cause) full() bool { return c == FullCancel || c == FullReturn }

// restores tells whether the policy gives a coupon back for the cause.
func (w RestoreWhen) restores(c Cause) bool {
	switch w {
	case OnFullCancel:
		return c == FullCancel
	case OnFullCancelOrReturn:
		return c.full()
	case OnAnyReturn:
		return true
	}
	return false
}
