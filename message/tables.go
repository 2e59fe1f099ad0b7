package message

import (
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
)

// Tables lists the tables that a Store keeps.
func Tables() []*Table { return slices.Clone(tables) }

var tables []*Table

func table(name string, key int, columns []Column, indexes ...[]string) *Table {
	t := &Table{Name: name, Columns: columns, Key: key}
	for _, names := range indexes {
		var cols []int
		for _, n := range names {
			cols = append(cols, slices.IndexFunc(columns, func(c Column) bool { return c.Name == n }))
		}
		t.Indexes = append(t.Indexes, cols)
	}
	tables = append(tables, t)
	return t
}

func texts(names ...string) []Column { return columns(TextColumn, names) }
func ints(names ...string) []Column  { return columns(IntColumn, names) }

func columns(typ ColumnType, names []string) (out []Column) {
	for _, n := range names {
		out = append(out, Column{n, typ})
	}
	return out
}

var (
	campaignTable = table("campaigns", 1, slices.Concat(
		texts("campaign", "state", "reason", "definition", "holds", "topic"), ints("revision", "wake", "upto")),
		[]string{"wake"}, []string{"topic"})
	revisionTable = table("revisions", 2, slices.Concat(
		texts("campaign"), ints("revision", "at", "since"), texts("definition")))
	occurrenceTable = table("occurrences", 2, slices.Concat(
		texts("campaign", "occurrence", "state", "reason"), ints("at", "due", "started", "active", "ended", "audience", "failures", "frozen", "attempts", "fired", "priced", "broke", "reserved"),
		texts("reached", "snapshots", "customer")),
		[]string{"state", "due"}, []string{"campaign", "state"})
	recipientTable = table("recipients", 3, slices.Concat(
		texts("campaign", "occurrence", "customer", "state", "reason", "detail"),
		ints("live", "due", "fence", "attempts", "step", "revision", "since", "updated"), texts("variant", "channel")),
		[]string{"campaign", "occurrence", "live", "due"}, []string{"campaign", "customer"})
	deliveryTable = table("deliveries", 1, slices.Concat(
		texts("delivery", "campaign", "occurrence", "customer", "channel", "purpose", "address", "status", "failure", "provider", "variant", "coupon", "subject", "body"),
		ints("revision", "submitted", "accepted", "delivered", "opened", "clicked", "failed", "unsubscribed", "cost", "refunded")),
		[]string{"customer", "submitted"}, []string{"campaign", "customer"}, []string{"campaign", "occurrence", "address"}, []string{"provider"})
	counterTable = table("counters", 1, slices.Concat(texts("name"), ints("value")))
	consentTable = table("consents", 2, slices.Concat(
		texts("customer"), ints("seq"), texts("channel", "purpose"), ints("granted", "at", "recorded"), texts("wording", "evidence", "source")))
	creditTable = table("credits", 1, slices.Concat(
		ints("seq"), texts("kind", "ref"), ints("amount", "left_over", "at")))
	orderTable = table("orders", 1, slices.Concat(
		texts("order_id", "customer", "currency", "delivery"), ints("at", "amount", "cancelled")),
		[]string{"customer", "at"}, []string{"delivery"})
	dutyTable = table("duties", 1, slices.Concat(
		texts("duty", "kind", "rule_id", "customer", "channel", "purpose", "how"),
		ints("granted", "said", "start_at", "due", "done", "stage", "seq")),
		[]string{"stage", "start_at"})
	eventTable = table("events", 1, slices.Concat(
		texts("event", "topic", "customer"), ints("at")),
		[]string{"customer", "topic", "at"}, []string{"at"})
	totalTable = table("totals", 1, slices.Concat(
		texts("campaign", "results"), ints("at")))
	suppressionTable = table("suppressions", 2, slices.Concat(
		texts("channel", "address"), ints("lifted", "at"), texts("reason")))
)

// record is a row as a struct: pointers to its fields in the order of the table's
// columns, each a *string, *int64, *int, *bool or *time.Time.
type record interface {
	table() *Table
	fields() []any
}

func encodeRow(r record) Row {
	fields := r.fields()
	row := make(Row, len(fields))
	for i, f := range fields {
		switch f := f.(type) {
		case *string:
			row[i] = *f
		case *int64:
			row[i] = *f
		case *int:
			row[i] = int64(*f)
		case *bool:
			row[i] = int64(0)
			if *f {
				row[i] = int64(1)
			}
		case *time.Time:
			row[i] = micros(*f)
		}
	}
	return row
}

func decodeRow(r record, row Row) error {
	fields := r.fields()
	if len(row) != len(fields) {
		return fmt.Errorf("message: the store gave a row of %s with %d values instead of %d", r.table().Name, len(row), len(fields))
	}
	for i, f := range fields {
		text, _ := row[i].(string)
		n, _ := row[i].(int64)
		switch f := f.(type) {
		case *string:
			*f = text
		case *int64:
			*f = n
		case *int:
			*f = int(n)
		case *bool:
			*f = n != 0
		case *time.Time:
			*f = fromMicros(n)
		}
	}
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// get reads the record with this key.
func get[T any, R interface {
	*T
	record
}](tx Tx, key ...any) (rec T, ok bool, err error) {
	row, err := tx.Get(R(&rec).table(), key...)
	if err != nil || row == nil {
		return rec, false, err
	}
	return rec, true, decodeRow(R(&rec), row)
}

// scan reads the records of a range.
func scan[T any, R interface {
	*T
	record
}](tx Tx, r Range) ([]T, error) {
	var zero T
	rows, err := tx.Scan(R(&zero).table(), r)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(rows))
	for i, row := range rows {
		if err := decodeRow(R(&out[i]), row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// scanAll walks a range record by record, in pages.
func scanAll[T any, R interface {
	*T
	record
}](view func(func(Tx) error) error, r Range, f func(T) error) error {
	return scanPages[T, R](view, r, func(page []T) error {
		for _, rec := range page {
			if err := f(rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// scanPages walks a range page by page, so that memory stays bounded and no
// transaction is long. The rows of different pages may come from different states.
func scanPages[T any, R interface {
	*T
	record
}](view func(func(Tx) error) error, r Range, f func([]T) error) error {
	const page = 1000
	r.Limit = page
	for {
		var recs []T
		if err := view(func(tx Tx) (err error) {
			recs, err = scan[T, R](tx, r)
			return err
		}); err != nil {
			return err
		}
		if err := f(recs); err != nil {
			return err
		}
		if len(recs) < page {
			return nil
		}
		r.After = encodeRow(R(&recs[len(recs)-1]))
	}
}

func put(tx Tx, r record) error            { return tx.Put(r.table(), encodeRow(r)) }
func insert(tx Tx, r record) (bool, error) { return tx.Insert(r.table(), encodeRow(r)) }

// campaignRow is a campaign and what the scheduler knows about it.
type campaignRow struct {
	ID         string
	State      State
	Reason     string
	Definition string    // JSON of Campaign
	Holds      string    // the groups that may be held, a line each
	Topic      string    // the events that trigger it
	Revision   int       //
	Wake       time.Time // when the scheduler has to look at it; none when never
	Upto       time.Time // every nominal time until here is in the ledger
}

func (*campaignRow) table() *Table { return campaignTable }
func (r *campaignRow) fields() []any {
	return []any{&r.ID, (*string)(&r.State), &r.Reason, &r.Definition, &r.Holds, &r.Topic, &r.Revision, &r.Wake, &r.Upto}
}

// revisionRow is a campaign as it once was. Since is the instant from which its
// schedule counts.
type revisionRow struct {
	Campaign   string
	Revision   int
	At         time.Time
	Since      time.Time
	Definition string
}

func (*revisionRow) table() *Table { return revisionTable }
func (r *revisionRow) fields() []any {
	return []any{&r.Campaign, &r.Revision, &r.At, &r.Since, &r.Definition}
}

type counterRow struct {
	Name  string
	Value int64
}

func (*counterRow) table() *Table   { return counterTable }
func (r *counterRow) fields() []any { return []any{&r.Name, &r.Value} }

// next adds one to a counter and returns it.
func next(tx Tx, name string) (int64, error) {
	c, _, err := get[counterRow](tx, name)
	if err != nil {
		return 0, err
	}
	c.Name, c.Value = name, c.Value+1
	return c.Value, put(tx, &c)
}

// Occurrence is one nominal time of a campaign, or one trigger: a line of the ledger.
type Occurrence struct {
	Campaign string
	ID       string // the nominal local time, the instant in UTC for elapsed units, or the trigger's key
	State    OccurrenceState
	Reason   string    // why it ended as it did
	At       time.Time // when it was to start
	Due      time.Time // when the service looks at it next; later than At after a failed try
	Started  time.Time // when its audience began to be frozen
	Active   time.Time // when it was last worked on in time
	Ended    time.Time
	Audience int   // customers frozen so far
	Failures int   // recipients that failed or are unknown
	Frozen   bool  // the audience is complete
	Attempts int   // failed tries to freeze the audience
	Priced   bool  // credits were reserved, as far as they are needed
	Broke    bool  // there were not enough of them: nobody gets it
	Reserved int64 // credits set aside and not yet spent

	Snapshots string            // JSON of the frozen groups, as FrozenFrom reads it
	Fired     time.Time         // when the trigger happened; none without one
	Customer  dangol.CustomerID // whom it happened to

	cursor string // the last customer frozen, until all are
}

func (*Occurrence) table() *Table { return occurrenceTable }
func (r *Occurrence) fields() []any {
	return []any{&r.Campaign, &r.ID, (*string)(&r.State), &r.Reason, &r.At, &r.Due, &r.Started, &r.Active, &r.Ended,
		&r.Audience, &r.Failures, &r.Frozen, &r.Attempts, &r.Fired, &r.Priced, &r.Broke, &r.Reserved, &r.cursor, &r.Snapshots, (*string)(&r.Customer)}
}

// OccurrenceState is where an occurrence stands. All but OccurrencePlanned and
// OccurrenceRunning are final.
type OccurrenceState string

const (
	OccurrencePlanned   OccurrenceState = "planned"
	OccurrenceRunning   OccurrenceState = "running"
	OccurrenceCompleted OccurrenceState = "completed"               // everybody was served or dropped by a verdict
	OccurrenceFailures  OccurrenceState = "completed with failures" // some sends failed or are unknown
	OccurrenceSkipped   OccurrenceState = "skipped"                 // the one before was running, or a clock change skipped the time
	OccurrenceCoalesced OccurrenceState = "coalesced"               // missed, and a later one ran for it
	OccurrenceExpired   OccurrenceState = "expired"                 // missed by more than the lateness bound
	OccurrenceCancelled OccurrenceState = "cancelled"
	OccurrenceFailed    OccurrenceState = "failed" // nobody could be addressed; the reason says why
)

// Final tells whether the state never changes again.
func (s OccurrenceState) Final() bool { return s != OccurrencePlanned && s != OccurrenceRunning }

// Recipient is one customer of an occurrence and what became of the message: the
// stored verdict.
type Recipient struct {
	Campaign   string
	Occurrence string
	Customer   dangol.CustomerID
	State      RecipientState
	Reason     string // why it is held, dropped, failed or unknown
	Detail     string // the rules that were evaluated, on what, a line each
	Due        time.Time
	Attempts   int       // submits that definitely failed, on this channel
	Step       int       // which of the contents is being tried
	Revision   int       // of the campaign, at the last verdict
	Since      time.Time // when it joined the audience, or was triggered
	Updated    time.Time
	Variant    string
	Channel    Channel

	life  life
	fence int64 // the claim that may submit it
}

// life tells who has to do something about a recipient, and whose clock Due is of.
type life int

const (
	ended   life = iota // nobody: the state is final
	waiting             // whoever comes first, from Due on by the service's clock
	leased              // the claim of the fence, until Due by the store's clock
)

func (*Recipient) table() *Table { return recipientTable }
func (r *Recipient) fields() []any {
	return []any{&r.Campaign, &r.Occurrence, (*string)(&r.Customer), (*string)(&r.State), &r.Reason, &r.Detail,
		(*int)(&r.life), &r.Due, &r.fence, &r.Attempts, &r.Step, &r.Revision, &r.Since, &r.Updated, &r.Variant, (*string)(&r.Channel)}
}

// RecipientState is where a recipient stands. Pending, Held, Submitting and InDoubt
// are on the way; every recipient ends in one of the others.
type RecipientState string

const (
	Pending    RecipientState = "pending"
	Held       RecipientState = "held"       // until Due, for a reason such as the night
	Submitting RecipientState = "submitting" // durable before the provider is called
	InDoubt    RecipientState = "in doubt"   // the provider gave no answer, and will be asked
	Submitted  RecipientState = "submitted"  // the provider took it
	Failed     RecipientState = "failed"     // definitely not sent
	Unknown    RecipientState = "unknown"    // sent or not, nobody can tell
	Dropped    RecipientState = "dropped"    // by a verdict, before any submit
)

// Final tells whether the recipient is done with.
func (s RecipientState) Final() bool {
	return s == Submitted || s == Failed || s == Unknown || s == Dropped
}

// Delivery is one submit of a message: what rules read as a record of kind
// "messages".
type Delivery struct {
	Key        string // the idempotency key that the Sender got
	Campaign   string
	Occurrence string
	Customer   dangol.CustomerID
	Channel    Channel
	Purpose    Purpose
	Address    string
	Status     DeliveryStatus
	Failure    string // why it failed
	Provider   string // the provider's own id
	Variant    string
	Coupon     string // the code that it carried
	Subject    string
	Text       string
	Revision   int

	// Instants, none when it did not happen.
	Submitted    time.Time // handed to the provider; a rule's `sent`
	Accepted     time.Time
	Delivered    time.Time
	Opened       time.Time
	Clicked      time.Time
	Failed       time.Time
	Unsubscribed time.Time
	Cost         int64 // credits
	Refunded     bool  // which were given back
}

func (*Delivery) table() *Table { return deliveryTable }
func (r *Delivery) fields() []any {
	return []any{&r.Key, &r.Campaign, &r.Occurrence, (*string)(&r.Customer), (*string)(&r.Channel), (*string)(&r.Purpose),
		&r.Address, (*string)(&r.Status), &r.Failure, &r.Provider, &r.Variant, &r.Coupon, &r.Subject, &r.Text,
		&r.Revision, &r.Submitted, &r.Accepted, &r.Delivered, &r.Opened, &r.Clicked, &r.Failed, &r.Unsubscribed, &r.Cost, &r.Refunded}
}

// DeliveryStatus is what is known about a submit.
type DeliveryStatus string

const (
	StatusSubmitting DeliveryStatus = "submitting" // the provider is being asked
	StatusRetry      DeliveryStatus = "retry"      // definitely not taken, will be tried again
	StatusAccepted   DeliveryStatus = "accepted"   // the provider took it
	StatusDelivered  DeliveryStatus = "delivered"  // a receipt says so
	StatusFailed     DeliveryStatus = "failed"     // definitely not delivered
	StatusUnknown    DeliveryStatus = "unknown"    // sent or not, nobody can tell
)
