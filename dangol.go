package dangol

import "time"

// CustomerID is the shop's own key of a customer or a guest. It is compared
// byte by byte and is never parsed. At most 255 bytes.
type CustomerID string

// Clock tells a service the time. Evaluation never asks one: there, time is an
// argument. A Clock must be safe for concurrent use.
type Clock interface {
	Now() time.Time
}

// ClockFunc makes a Clock of a function.
type ClockFunc func() time.Time

// Now calls f.
func (f ClockFunc) Now() time.Time { return f() }

// SystemClock is the machine's clock.
var SystemClock Clock = ClockFunc(time.Now)

// Snapshot names one frozen state of a group: its members do not change, for
// as long as the state that holds the group keeps the version.
type Snapshot struct {
	Group   string    // the group's id
	Version int64     // which membership version; grows with each refresh that changed members
	AsOf    time.Time // the instant the members were computed for, a whole second
	Count   int       // how many members
}

// UseKind says what a use of a group refuses.
type UseKind string

const (
	// UseSend is a reserved or recurring send that is still to run. While it
	// is held, the group can be neither edited nor archived nor deleted.
	UseSend UseKind = "send"
	// UseReference is any other use, such as a coupon's audience. While it is
	// held, the group can be edited but neither archived nor deleted.
	UseReference UseKind = "reference"
)

// Use is one use of a group, as the use ledger keeps it. By, Kind and ID
// together are its identity: holding the same use twice is one hold.
type Use struct {
	By   string  // the package or system that uses the group, such as "message"
	Kind UseKind // what it refuses while held
	ID   string  // the user's own key, such as the campaign's id
	Name string  // shown to people when an edit is refused
}
