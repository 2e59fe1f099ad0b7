package eval

import (
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Customer is all that a store knows of one customer or guest. Stores hand it
// over whole; it must not be changed afterwards and may be shared.
type Customer struct {
	ID    dangol.CustomerID
	Guest bool
	// Attributes by their catalog names. One without an entry is missing; a set
	// without an entry is empty.
	Attributes map[string]catalog.Value
	// Records by the kind that owns their rows, ordered by key bytes.
	Records map[string][]*Record
}

// Record is one row of a kind. The fields of dimensions that it reaches are
// resolved by the store and stand here by their full name (product.brand): a
// field of the record's own file or row goes before the dimension's.
type Record struct {
	Key    string
	Fields map[string]catalog.Value
	Parent *Record // nil where the kind has no parent
}

// Env is everything besides plan and data that an answer depends on.
type Env struct {
	// AsOf is the instant of the question, a whole second: what is stamped at or
	// after it does not exist.
	AsOf time.Time
	// Zone is the shop's time zone. Defaults to UTC.
	Zone *time.Location
	// Groups answers `in group`. A plan that reads groups fails without it.
	Groups Memberships
	// Cuts holds, by RankKey, what the ranks of the plan are tested against. A
	// plan with ranks fails without them.
	Cuts map[string]Cut
}

// Memberships tells who is in a group, effective at the as-of of the question.
// Implementations must be safe for concurrent use.
type Memberships interface {
	// Contains returns an error when the group does not exist or is broken, never
	// a silent false.
	Contains(group string, id dangol.CustomerID) (bool, error)
}

// Cut is the value of the last customer inside a rank.
type Cut struct {
	Value int64 // in the scale of the ranked value
	Empty bool  // nobody is ranked, or the rank selects nobody: the test is false for all
	AsOf  time.Time
}
