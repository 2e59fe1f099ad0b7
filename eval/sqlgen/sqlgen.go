// Package sqlgen writes plans as SQL over tables that a Schema describes. It is
// pure: it runs nothing and imports no database package.
//
// A statement has one row a selected customer. Records are aggregated in derived
// tables, one scan of a kind for all aggregates that can share it, and left-joined
// to the population; every test is two-valued, written so that no NULL reaches a
// boolean. Bounds of windows are computed here and passed as arguments: no SQL
// clock, no server zone. Values are always arguments; identifiers are quoted by
// the builder or come from the Schema, which is the host's own configuration.
package sqlgen

import (
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Dialect is an SQL engine.
type Dialect string

// The dialects.
const (
	SQLite     Dialect = "sqlite"
	Postgres   Dialect = "postgres"
	MySQL      Dialect = "mysql" // and MariaDB
	ClickHouse Dialect = "clickhouse"
)

// Schema tells where the data of a catalog lies.
type Schema struct {
	// Customers is the table of customers and guests; its Key is the id.
	Customers Table
	// Guest is a boolean expression over a row of Customers, "" when there are
	// only members.
	Guest string
	// Bucket is the column of Customers that holds sample.Bucket of the id, ""
	// when there is none: then samples are Unsupported.
	Bucket string
	// Records by the kind that owns their rows. A kind without one is Unsupported.
	Records map[string]Table
	// Sets by attribute, or kind.field: a table of items. Attributes and fields of
	// sets without one are Unsupported.
	Sets map[string]Set
	// Groups is the table of memberships that `in group` reads, or nil.
	Groups *Groups
	// Local is of ClickHouse: all rows of all tables lie on the server that is asked.
	// Where they do not, what a node compares its rows with is first sent to all nodes.
	Local bool
}

// Table is a table of the host or of the library.
type Table struct {
	// Name is the table's name as SQL: quoted by whoever made the Schema.
	Name string
	// Key is the column of the row's own key.
	Key string
	// Customer is the column of the customer's id, of a table of records.
	Customer string
	// Owner is the type of the customer's id there, of Key or Customer. Statements of
	// customers give ids that are integers as such; those for ClickHouse where all tables
	// have them so.
	Owner KeyForm
	// OwnerType is of ClickHouse: the engine's own name of that column's type, "" where
	// it may be NULL. Columns of one type are compared without a conversion.
	OwnerType string
	// Parent is the column of the parent's key, where the kind has one.
	Parent string
	// Columns by attribute or field name. One that is absent is Unsupported. A field
	// of the parent that the rows carry themselves stands under kind.field of the
	// parent: then no join is needed to read it.
	Columns map[string]Column
	// Owned tells of a table of records that the customer of every row is a row of
	// Customers: a statement that needs a record need not look for its customer.
	Owned bool
	// Filter is a condition that rows must meet, such as not being deleted, with
	// {t} where the table's alias stands. "" is none.
	Filter string
	// Tenant is the part of Filter that tells whose rows they are, not whether they
	// count. "" is none.
	Tenant string
}

// KeyForm is the type of a column of keys.
type KeyForm uint8

// The forms of keys.
const (
	AnyKey     KeyForm = iota // compared as text
	TextKey                   // text itself
	IntegerKey                // an integer of at most 64 bits, signed
)

// Column is where a value lies. SQL is an expression with {t} where the table's
// alias stands: a bare column is {t}.name, quoted as the dialect wants it.
type Column struct {
	SQL string
	// Encoding of instants and dates. Numbers are integers in stored units.
	Encoding Encoding
	Zone     *time.Location // of Local. Defaults to UTC
	// Precise is of ClickHouse: the timestamp is a DateTime64, not a DateTime.
	Precise bool
	// Filled is of ClickHouse: the column, Raw where there is one, is never NULL.
	Filled bool
	// Whole is of ClickHouse, of numbers: SQL is a bare column of integers that fit 64 bits
	// with a sign.
	Whole bool
	// Raw is the host's own column behind the words that SQL makes of it, nil where
	// there is none: a test for some words is asked of it, so that an index serves.
	Raw *Raw
}

// Raw is a column of words, or of numbers that stand for words.
type Raw struct {
	SQL     string // the bare column, with {t}
	Integer bool   // it holds integers
	// Words are the catalog's words by the host's. A word of the host that is no key
	// stands for itself.
	Words map[string]string
}

// Encoding is how a column keeps an instant or a date.
type Encoding uint8

// The encodings.
const (
	Micros  Encoding = iota // int64 microseconds since 1970-01-01T00:00:00Z; dates: days since then
	Seconds                 // int64 seconds since then
	Millis                  // int64 milliseconds since then
	Native                  // the engine's own timestamp with zone, or date
	Local                   // the engine's timestamp without zone, as the clock of Column.Zone reads
)

// unit is how many microseconds an integer of an encoding counts.
func (e Encoding) unit() int64 {
	switch e {
	case Seconds:
		return 1e6
	case Millis:
		return 1e3
	}
	return 1
}

// Set is a table with one row an item of a set.
type Set struct {
	Name, Owner, Item string // table, column of the customer's id or record's key, column of the item
	Filter            string // as in Table
}

// Groups is a table with one row a membership.
type Groups struct {
	Name, Group, Customer string
	Filter                string
}

// Query is what a statement is for.
type Query struct {
	Plans []*plan.Plan
	AsOf  time.Time      // cut to the whole second
	Zone  *time.Location // Defaults to UTC
	Scope plan.Scope     // all plans of one statement share it
	// Ranked are ranks whose values Select gives beside the plans, for a caller who finds
	// their cuts and members among them. On ClickHouse each is of an aggregate.
	Ranked []*plan.Rank
	// Passing is the part of the customers who pass what a plan asks of themselves, as
	// Sample found it: SQLite groups the records of these alone where they are few. A plan
	// that is absent may let all pass.
	Passing map[*plan.Plan]float64
	// Groups are the members of groups that plans read, where Schema.Groups is no
	// table of them. They are passed as one argument a group.
	Groups map[string][]dangol.CustomerID

	// Repeats allows a statement to give an id several times. On SQLite and MariaDB,
	// which take longer to leave repeated integers out than to send them, one does where it
	// lists the records of a window that have one of some values.
	Repeats bool

	links *links // nil where nobody asks for them
}

// Statement is SQL text with ? placeholders and its arguments in order. For
// PostgreSQL the placeholders are to be numbered by the caller.
type Statement struct {
	SQL  string
	Args []any
	// Packed is of ClickHouse, where customers are told by integers: SQL of the same
	// arguments and answer that has few rows, each of whose columns is an array of integers
	// as text. It is "" where there is none.
	Packed string
	// InOne is the same answer in one row, which takes a server less than Packed.
	InOne InOne
	// Unsifted is InOne as it is found sooner, where it leaves those out who joined late.
	Unsifted Unsifted
	// Scans is how many derived tables of records stand in it.
	Scans int
	// Whole tells that it begins with all records of a kind, grouped by customer.
	Whole bool
	// Numbers tells that ids come from a column of integers: a row's id is an integer,
	// or, where SQLite has another value in such a column, its text.
	Numbers bool
	// Repeats tells that the answer may have an id several times.
	Repeats bool
}

// piece is a part of a statement with the arguments of its placeholders, in the
// order of the text.
type piece struct {
	sql  string
	args []any
	// sure tells of a condition that it is never NULL.
	sure  bool
	bits  *bits  // of ClickHouse: it asks for no more than this
	named *named // it asks for no more than this
}

func text(sql string, args ...any) piece { return piece{sql: sql, args: args} }

// certain marks a condition that is never NULL.
func (p piece) certain() piece {
	p.sure = true
	return p
}

// join puts pieces one after the other.
func join(parts ...any) piece {
	var out piece
	var sql strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			sql.WriteString(p)
		case piece:
			sql.WriteString(p.sql)
			out.args = append(out.args, p.args...)
		default:
			panic(fmt.Sprintf("sqlgen: %T is no part of a statement", p))
		}
	}
	out.sql = sql.String()
	return out
}
