package segment

import (
	"context"
	"time"

	"github.com/dangol-dev/dangol"
)

// Store keeps the state of the service. NewMemory makes one in memory, package
// segmentsql keeps it in a database, and package segmenttest is the conformance
// suite of both and of a host's own.
//
//   - Update runs f in one transaction: all of its writes are durable when Update
//     returns nil, and none exists when it returns an error or the process dies.
//     f may run several times, so it must not act outside the transaction.
//   - Updates have the effect of running one after the other, also when they come
//     from several processes.
//   - View runs f on one consistent state. It does not wait for an Update that
//     writes many members.
//   - An error of f comes back so that errors.Is and As see it.
//   - What f is given is used by one goroutine and not after f returned. What it
//     returns is the caller's, what it takes is copied.
//   - Times are kept to the microsecond and come back in UTC.
//   - A Store is safe for concurrent use.
type Store interface {
	View(ctx context.Context, f func(Reader) error) error
	Update(ctx context.Context, f func(Tx) error) error
	// WithTx is the same store inside the host's own transaction, which the host
	// commits or rolls back. It returns ErrInvalid for a transaction of another kind
	// of store.
	WithTx(HostTx) (Store, error)
}

// HostTx is a transaction of the host's. Its maker knows the type: for databases
// that is segmentsql.WithTx.
type HostTx interface {
	// SegmentTx is the underlying transaction.
	SegmentTx() any
}

// Clocked is a Reader or Tx of a store that several processes share: its clock is one
// for all of them, and leases are held by it. Where a store has none, leases are held
// by Config.Clock.
type Clocked interface {
	Now() (time.Time, error)
}

// Reader reads one consistent state. Lists are ordered as said and, where a
// limit is given, at most that long; a limit of 0 is no limit.
type Reader interface {
	// Group is the group of an id, deleted ones too, or ErrNotFound.
	Group(id string) (*Group, error)
	// Groups are all groups, deleted ones too, ordered by id.
	Groups() ([]*Group, error)
	// Rules are all rules that a group ever had, in their order.
	Rules(group string) ([]Rule, error)
	// Entries are hand-made lines: of a group ordered by customer, of one customer
	// in all groups ordered by group.
	Entries(q EntryQuery) ([]Entry, error)
	// Versions are the changes of members, ordered by Seq.
	Versions(q VersionQuery) ([]Version, error)
	// Memberships are the spans of membership, ordered by customer and then From;
	// of one customer in all groups ordered by group and From.
	Memberships(q MembershipQuery) ([]Membership, error)
	// Trail is the audit trail behind a Seq, in its order.
	Trail(after int64, limit int) ([]Act, error)
}

// Tx reads and writes in one transaction; reads see its own writes.
type Tx interface {
	Reader
	// Put adds a group or replaces the one of its id. A RuleVersion that is not
	// kept yet is added to Rules, dated Edited; those that are kept stay as they are.
	Put(g *Group, by string) error
	// SetEntries adds or replaces lines of a group by their customer; Entry.Group is
	// that group's, whatever it holds. An Entry without a Mark removes.
	SetEntries(group string, entries []Entry) error
	// Apply adds a version: it opens a span for each who entered and closes the
	// open one of each who left. Version.Seq is assigned: one more than the last of
	// any group. It fails when the version exists, when one who entered is in, or
	// one who left is not.
	Apply(c Change) error
	// Append adds to the audit trail and assigns Act.Seq.
	Append(a Act) error
	// Prune forgets at most limit spans of a group that ended before the given
	// version, and tells whether there are more. With the last of them it forgets the
	// versions before it that no kept span begins with: so what the later versions
	// say stays true, and each span keeps its dates.
	Prune(group string, before int64, limit int) (more bool, err error)
	// Rename puts another customer, who is new to the state, in the place of one in
	// all spans of membership, and empties the notes that people wrote on them. Entries
	// stay as they are.
	Rename(customer, to dangol.CustomerID) error
}

// Rule is one saved rule of a group. It never changes.
type Rule struct {
	Version int
	Text    string
	Saved   time.Time
	By      string // who saved it
}

// Mark is what an entry says of a customer.
type Mark string

const (
	Listed Mark = "listed" // in the list of a static or frozen group
	In     Mark = "in"     // pinned in, whatever rule or list say
	Out    Mark = "out"    // pinned out, whatever rule or list say
)

// Entry is a hand-made line of a group about one customer.
type Entry struct {
	Group    string
	Customer dangol.CustomerID
	Mark     Mark
	Reason   string
	By       string
	At       time.Time
}

// EntryQuery selects entries of one group, or of one customer, or of both.
type EntryQuery struct {
	Group    string
	Customer dangol.CustomerID // only this one's, when set
	After    dangol.CustomerID // only of customers behind this one
	Limit    int
}

// Version is one change of a group's members.
type Version struct {
	Group   string
	Version int64 // counts a group's versions from 1
	Seq     int64 // orders the versions of all groups
	AsOf    time.Time
	ReadAt  time.Time
	// From is when the members of this version begin to be the group's: the as-of
	// of a refresh, the moment of an edit or pin. It never runs backwards.
	From     time.Time
	Recorded time.Time // when it was saved. It never runs backwards
	Count    int       // members
	Entered  int
	Left     int
	Rule     int    // which rule
	Cause    string // what made the change: "created", "refresh", "edit", "by hand", "login"
}

// VersionQuery selects versions.
type VersionQuery struct {
	Group    string    // of this group, when set
	Version  int64     // only this one, when set; then Group is needed
	AfterSeq int64     // only behind this one
	From     time.Time // only those with Version.From at or before it, when set
	Known    time.Time // only those recorded before it, when set
	Latest   bool      // the last ones, last first
	Limit    int
}

// Reason says why a membership began or ended.
type Reason string

// The reasons.
const (
	ByRule     Reason = "rule"     // the rule selects the customer, or no longer does
	ByList     Reason = "list"     // added to a list, or removed from it
	ByPin      Reason = "pin"      // pinned in or out
	ByLogin    Reason = "login"    // the guest became a member
	ByDates    Reason = "dates"    // the group came into effect or went out of it
	ByErasure  Reason = "erasure"  // the customer was forgotten
	ByDeletion Reason = "deletion" // the group was archived or deleted
)

// Cause is a reason with what people said about it.
type Cause struct {
	Why  Reason
	Note string // the operator's reason of a pin or list entry
	By   string // the operator, where one acted
}

// Turn is one customer entering or leaving.
type Turn struct {
	Customer dangol.CustomerID
	Cause    Cause
}

// Change is a version with its turns, each ordered by customer.
type Change struct {
	Version Version
	Entered []Turn
	Left    []Turn
}

// Membership is one span of a customer's membership: of the versions From up to
// but without To. Their dates are those of the versions.
type Membership struct {
	Group    string
	Customer dangol.CustomerID
	From     int64
	To       int64 // 0 while the span is open
	Entered  Cause
	Left     Cause
}

// in tells whether the span covers a version.
func (m *Membership) in(version int64) bool {
	return m.From <= version && (m.To == 0 || m.To > version)
}

// MembershipQuery selects spans of one group, or of one customer, or both; only
// those that fit all that is set.
type MembershipQuery struct {
	Group    string
	Customer dangol.CustomerID
	Version  int64             // spans that cover this version
	Began    int64             // spans with this From
	Ended    int64             // spans with this To
	Open     bool              // spans without a To
	After    dangol.CustomerID // only of customers behind this one
	Limit    int
}

// Act is a line of the audit trail.
type Act struct {
	Seq    int64
	At     time.Time
	Actor  string
	Action Action
	Group  string // the id, "" when the act is about no single group
	What   string // such as "create", "edit", "pin in", "export"
	Detail string // what people should know: reasons, counts
}
