package coupon

import (
	"context"
	"errors"
	"time"

	"github.com/dangol-dev/dangol"
)

// ErrConflict is returned by a Tx when a record has changed since it was read.
// The service rolls back and runs the transaction again; in a host's transaction
// it reaches the host, which does the same.
var ErrConflict = errors.New("coupon: the record was changed by somebody else")

// Store keeps the service's state. NewMemory makes one; package couponsql keeps
// it in a database; package coupontest proves a host's own.
//
//   - Safe for concurrent use, by many processes when the state is shared.
//   - Update runs f in one transaction: all of it happens or nothing, also when
//     the process dies. It may run f again after a conflict, or when it cannot
//     know whether a commit arrived: f begins by reading what it would write. An
//     error of f rolls back and is returned as it is.
//   - View runs f on committed state. f must not write.
//   - f must not use the Store itself, only its Tx.
//   - Records are copied in and out; the caller may change what it got.
type Store interface {
	Update(ctx context.Context, f func(Tx) error) error
	View(ctx context.Context, f func(Tx) error) error
	// WithTx is the same store inside the host's own transaction, which the
	// host commits or rolls back. It returns ErrRequest for a transaction of
	// another kind of store.
	WithTx(HostTx) (Store, error)
}

// HostTx is a transaction of the host's. Its maker knows the type: for databases
// that is couponsql.WithTx.
type HostTx interface {
	// CouponTx is the underlying transaction.
	CouponTx() any
}

// Tx reads and writes within one transaction. Reads inside Update see the
// transaction's own writes. Where an engine has row locks, Definition shares a lock
// on what it finds, Redemption and Batch take one alone; nothing else needs any.
type Tx interface {
	Definitions
	Grants
	Redemptions
	Counters
	// Rename puts another name in the place of a customer everywhere: grants,
	// redemptions, ledger and counters. The other name is new to the store.
	Rename(ctx context.Context, customer, to dangol.CustomerID) error
}

// Definitions keeps versions and stops.
type Definitions interface {
	// Definition reads a version, 0 the newest, with the stops as they are now.
	// ErrNotFound when there is none. Inside Update neither a newer version nor
	// other stops can be saved until the transaction ends.
	Definition(ctx context.Context, id string, version int64) (Definition, error)
	// FindDefinitions lists newest versions by ID, as Definition reads them.
	FindDefinitions(ctx context.Context, q DefinitionQuery) ([]Definition, error)
	// SaveDefinition adds a version; the stops stay as they are. ErrConflict when
	// the newest version is not one less.
	SaveDefinition(ctx context.Context, d Definition) error
	// SetStops overwrites the stops. ErrNotFound when there is no definition.
	SetStops(ctx context.Context, id string, s Stops) error
}

// DefinitionQuery selects definitions whose newest version has all the given values.
type DefinitionQuery struct {
	Kind      Kind      // empty: any
	Automatic Automatic // its set fields, all of them; zero: any
	After     string    // continue behind this ID
	Limit     int       // 0: all
}

// Grants keeps coupons.
type Grants interface {
	// InsertGrants adds all of them or none: ErrConflict when an ID, a code or a
	// key that is not empty exists.
	InsertGrants(ctx context.Context, gs []Grant) error
	// Grant finds one. ErrNotFound when there is none.
	Grant(ctx context.Context, by GrantRef) (Grant, error)
	// ReplaceGrant overwrites all but ID, Code, Key and the use. ErrConflict when
	// the stored Rev differs; the new one is one more.
	ReplaceGrant(ctx context.Context, g Grant) error
	// SetUsed overwrites the use; all zero is not used.
	SetUsed(ctx context.Context, id string, used time.Time, order string, discount int64) error
	// FindGrants lists by ID.
	FindGrants(ctx context.Context, q GrantQuery) ([]Grant, error)
	// DeleteCodes removes at most limit grants of batches that ended before an instant
	// and that nobody ever had to do with: no customer, no use, no revocation, no
	// counter. It tells how many.
	DeleteCodes(ctx context.Context, before time.Time, limit int) (int, error)
	// Batch reads a batch. ErrNotFound when there is none.
	Batch(ctx context.Context, id string) (Batch, error)
	// SaveBatch adds a batch (Rev 0) or replaces it. ErrConflict when the stored
	// Rev differs.
	SaveBatch(ctx context.Context, b Batch) error
	// CountGrants counts all grants of the shop.
	CountGrants(ctx context.Context) (int64, error)
}

// GrantRef names a grant by one of its unique keys; the others are empty.
type GrantRef struct{ ID, Code, Key string }

// GrantQuery selects grants that have all the given values; zero fields are any.
type GrantQuery struct {
	Customer      dangol.CustomerID
	Definition    string
	Batch         string
	Owned         bool      // only those with a customer
	ExpiresFrom   time.Time // with an end, at or after it
	ExpiresBefore time.Time // with an end, before it
	Unused        bool      // neither used nor revoked
	After         string    // continue behind this ID
	Limit         int       // 0: all
}

// Redemptions keeps keys and the ledger.
type Redemptions interface {
	// InsertRedemption adds a record and tells whether the key was free.
	InsertRedemption(ctx context.Context, r Redemption) (bool, error)
	// Redemption reads by key. ErrNotFound when there is none.
	Redemption(ctx context.Context, key string) (Redemption, error)
	// ReplaceRedemption overwrites. ErrConflict when the stored Rev differs;
	// the new one is one more.
	ReplaceRedemption(ctx context.Context, r Redemption) error
	// Overdue lists keys of reserved redemptions whose Expires is at or before
	// the instant, soonest first, at most limit. A definition narrows it to
	// those that use it.
	Overdue(ctx context.Context, definition string, at time.Time, limit int) ([]string, error)
	// AppendLedger adds entries for ever; it sets their Seq, which grows.
	AppendLedger(ctx context.Context, es []Entry) error
	// Ledger reads entries behind a Seq in order, at most limit. A definition
	// narrows it to its own.
	Ledger(ctx context.Context, definition string, after int64, limit int) ([]Entry, error)
	// Results sums the ledger and the grants.
	Results(ctx context.Context, q ResultQuery) ([]Result, error)
}

// Counters keeps what limits count. This is where limits hold: Take checks and
// counts in one step that no other transaction can come between.
type Counters interface {
	// Take adds n to a counter if afterwards no part of it exceeds max, and
	// tells whether it did. A part of max that is 0 is no bound. An absent
	// counter is zero.
	Take(ctx context.Context, s Scope, n, max Count) (bool, error)
	// Give subtracts n. It tells false, and does nothing, when a part would fall
	// below zero.
	Give(ctx context.Context, s Scope, n Count) (bool, error)
	// Counts reads counters, in the order asked. It locks nothing: its answer is
	// good for saying how much may be left, never for deciding.
	Counts(ctx context.Context, ss []Scope) ([]Count, error)
	// ResetCounters removes a definition's counters of a kind.
	ResetCounters(ctx context.Context, definition string, kind ScopeKind) error
}

// Count is what a counter holds.
type Count struct {
	Uses   int64
	Amount int64 // minor units
}

// Scope names a counter.
type Scope struct {
	Definition string
	Kind       ScopeKind
	Subject    string // a customer or a grant; empty for all customers
	Period     string // such as 2026-11-21; empty for all time
}

// ScopeKind is what a counter counts.
type ScopeKind string

const (
	ScopeUse   ScopeKind = "use"   // uses reserved or committed
	ScopeGrant ScopeKind = "grant" // the use of one grant
	ScopeIssue ScopeKind = "issue" // grants that became a customer's
)

// Entry is one line of the ledger. Entries are never changed or removed, but for
// the name of a customer whom Erase forgets; the counters are their sum.
type Entry struct {
	Seq        int64
	Key        string // the redemption's
	Event      Event
	At         time.Time // when it happened
	Counted    time.Time // the instant whose periods it counts in
	Definition string
	Version    int64
	Grant      string // empty for a promotion
	Shared     bool   // the grant is a shared code
	Customer   dangol.CustomerID
	Campaign   string
	Group      string
	Order      string
	Discount   int64
	Paid       int64 // what the order came to; on Commit and Cancel entries
}

// Event is what an entry records about a use.
type Event string

const (
	EventReserve Event = "reserve" // taken
	EventRelease Event = "release" // given back by the caller
	EventLapse   Event = "lapse"   // given back by time
	EventRetake  Event = "retake"  // taken again by a late commit
	EventCommit  Event = "commit"  // belongs to an order
	EventRestore Event = "restore" // given back after a cancel or return
	EventCancel  Event = "cancel"  // the whole order is undone, whether or not the use is
)

// sign is what the event does to counters.
func (e Event) sign() int64 {
	switch e {
	case EventReserve, EventRetake:
		return 1
	case EventRelease, EventLapse, EventRestore:
		return -1
	}
	return 0
}
