// Package store is the contract for customer data: read one customer, select
// members by plans, apply changes. memstore, sqlstore and a host's own store
// implement it; storetest proves that they agree.
//
// A store may implement more than Store; callers find out by type assertion:
//
//   - Loader takes very many changes at once.
//   - ColumnLoader takes a whole shop column by column.
//   - Streamer hands over every customer, one at a time.
//
// For those who write a store: NewSchema tells what rows a catalog asks for. A store
// that holds rows implements Keeper, four methods over its maps or its database, and
// lets Schema.Apply make changes and Schema.Customer put customers together; Scan
// answers a query over customers that the store only has to hand over. A store that
// makes changes in a way of its own normalises them by Schema.Check, and columns by
// Schema.CheckColumns.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// ErrNotFound is returned when no customer has the id.
var ErrNotFound = errors.New("store: no such customer")

// Store holds the customers of one shop.
//
//   - All methods are safe for concurrent use.
//   - A reader sees the state before or after an Apply, never half of it.
//   - What is returned is the caller's to read, nobody's to change.
//   - Methods return ctx.Err() soon after ctx ends, and then nothing has changed.
type Store interface {
	// Catalog is the vocabulary of the data. It does not change.
	Catalog() *catalog.Catalog
	// Customer reads one customer or guest, or returns ErrNotFound.
	Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error)
	// Select answers every plan of the query over one state of the data. The
	// error is for the whole query; what only one plan meets stands in its Answer.
	Select(ctx context.Context, q Query) ([]Answer, error)
	// Apply makes all changes, in their order, or none and returns an error, an
	// *InvalidError where a change itself is at fault. Strings are normalised (NFC,
	// folded where declared) and values checked against the catalog's types and
	// bounds: Schema.Check does both.
	Apply(ctx context.Context, changes ...Change) error
}

// Loader is a Store that takes a stream of changes in one step: all of them, or
// none when the stream yields an error or a change is invalid.
type Loader interface {
	Load(ctx context.Context, changes iter.Seq2[Change, error]) error
}

// Streamer is a Store that hands over every customer and guest, ordered by the
// bytes of the id, over one state of the data.
type Streamer interface {
	Each(ctx context.Context, visit func(*eval.Customer) error) error
}

// Query asks which customers some plans select.
type Query struct {
	Plans []*plan.Plan
	// AsOf is the instant of the question. It is cut to the whole second.
	AsOf time.Time
	// Zone is the shop's. Defaults to UTC.
	Zone *time.Location
	// Groups answers `in group`; needed where a plan reads groups.
	Groups eval.Memberships
	// Strict makes an answer that is not exact an error of that answer.
	Strict bool
}

// Lister is an eval.Memberships that can list a group. A store that hands rules to
// a database needs it where the memberships are not in that database.
type Lister interface {
	eval.Memberships
	// Members are the group's, with the errors of Contains.
	Members(group string) (Members, error)
}

// Answer is the answer to one plan of a Query.
type Answer struct {
	Members Members // nil with Err
	AsOf    time.Time
	ReadAt  time.Time // when the data was read; zero where the store has no clock
	// Exact tells whether nothing untimed was read for an as-of in the past.
	// Current names what was, sorted.
	Exact   bool
	Current []string
	Cuts    map[string]eval.Cut // of the plan's ranks, by eval.RankKey
	Err     error               // why this plan has no answer, such as *plan.Unsupported
}

// Members is a frozen set of customers. It is safe for concurrent use.
type Members interface {
	Len() int
	// All yields the ids in the order of their bytes.
	All() iter.Seq[dangol.CustomerID]
	Contains(id dangol.CustomerID) bool
}

// ErrNotExact is the error of an Answer that a Strict query refuses.
var ErrNotExact = errors.New("store: the answer reads current values for a past as-of")

// Op is what a Change does.
type Op uint8

// The operations.
const (
	// Put inserts a row or replaces it whole.
	Put Op = iota
	// Set changes the given fields of a row that exists and leaves the others; a
	// Missing value makes a field missing.
	Set
	// Delete removes a row that may or may not exist; a customer goes with all
	// records, a record with those that belong to it.
	Delete
	// Merge moves the records of the customer or guest From to Customer, which
	// must exist, then removes From. Attributes are not merged. It is what a guest's
	// login does; where From does not exist, nothing is left to do.
	Merge
)

// Change is one change of one row: of a customer (Kind ""), of a record, or of a
// dimension's row (Kind the dimension, Customer ""). A record keeps its customer
// for as long as it exists, but for Merge; Set and Delete of a record need not
// name the customer. A dimension's row is found by the value of the record's
// field, byte by byte, now or later: the order in which they are put is free.
type Change struct {
	Op       Op
	Customer dangol.CustomerID
	Guest    bool   // of a customer row that is put
	Kind     string // a kind that owns its rows, a dimension, or ""
	Key      string // of the record or dimension row: unique in its kind over all customers
	Parent   string // key of the parent record, where the kind has one; it belongs to the same customer
	Fields   map[string]catalog.Value
	From     dangol.CustomerID // of Merge
}

// InvalidError is returned when a change does not fit the catalog or the data.
// Nothing of the call was applied.
type InvalidError struct {
	Index  int // of the change in the call, from 0
	Change Change
	Field  string // "" when no field is at fault
	Why    string
}

func (e *InvalidError) Error() string {
	what := "customer " + fmt.Sprintf("%q", string(e.Change.Customer))
	if e.Change.Kind != "" {
		what = fmt.Sprintf("%s %q", e.Change.Kind, e.Change.Key)
	}
	if e.Field != "" {
		what += ", " + e.Field
	}
	return fmt.Sprintf("change %d: %s: %s", e.Index, what, e.Why)
}
