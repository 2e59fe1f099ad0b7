// Package plan is what a rule means, typed and ready to run: an immutable tree
// in which names are resolved, views are unfolded to the rows they read, measures
// and derived fields are expanded, and all numbers are integers of one scale. It
// imports nothing that runs it.
//
// Engines give every node exactly the meaning written here; package eval is the
// definition in code.
package plan

import (
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
)

// Scope is the population of a rule.
type Scope string

// The scopes. The zero Scope is Members.
const (
	Members Scope = "members"
	Guests  Scope = "guests"
	Both    Scope = "both"
)

// Plan is a checked rule. It is immutable and safe for concurrent use.
type Plan struct {
	Root  Test
	Scope Scope
	// Groups are the names of the groups that Root reads, sorted.
	Groups []string
	// Current are the untimed names that Root reads, sorted: for an as-of in the
	// past an answer that read them is not exact.
	Current []string
	// Text is the rule that the spans of the nodes point into, "" for none.
	Text string
}

// Node is a Test or an Expr.
type Node interface {
	// Span is the place of the rule's text that the node came from. It is no part
	// of the meaning: equal plans may differ in spans.
	Span() source.Span
	node()
}

// Test is a node that is true or false, never unknown.
type Test interface {
	Node
	test()
}

// Expr is a node with a value that may be missing.
type Expr interface {
	Node
	Type() catalog.Type
}

// At is embedded in every node: where it came from.
type At struct{ Source source.Span }

// Span is where the node came from.
func (a At) Span() source.Span { return a.Source }
func (At) node()               {}

type isTest struct{}

func (isTest) test() {}

// Typed is embedded in every Expr: its type. Numbers and money carry their scale
// there; both sides of a Compare and of an Arith + or - have the same. The Scale
// of money is what it has beyond the digits of its currency: 0, but where it was
// multiplied by a fraction.
type Typed struct{ Of catalog.Type }

// Type is the type of the value.
func (t Typed) Type() catalog.Type { return t.Of }

// CompareOp is a comparison of numbers.
type CompareOp string

// The comparisons. != is Not of =.
const (
	Equal   CompareOp = "="
	Less    CompareOp = "<"
	AtMost  CompareOp = "<="
	More    CompareOp = ">"
	AtLeast CompareOp = ">="
)

// The tests.
type (
	// Const is always Value.
	Const struct {
		At
		isTest
		Value bool
	}
	// And holds when every term does, Or when one does. They have at least two
	// terms; a canonical one holds no node of its own sort.
	And struct {
		At
		isTest
		Terms []Test
	}
	Or struct {
		At
		isTest
		Terms []Test
	}
	// Not is the exact complement.
	Not struct {
		At
		isTest
		Term Test
	}
	// Compare compares two numbers of one scale, or two dates. It is false when
	// either is missing.
	Compare struct {
		At
		isTest
		Op   CompareOp
		L, R Expr
	}
	// Same holds when two values of one type, neither missing, are equal. It
	// serves strings, enums, booleans and dates that are not literals.
	Same struct {
		At
		isTest
		L, R Expr
	}
	// OneOf holds when X equals one of Values, which are known values of its type,
	// sorted, without repetition.
	OneOf struct {
		At
		isTest
		X      Expr
		Values []catalog.Value
	}
	// Has holds when the set X has one of Items or, with All, every one. Items are
	// sorted, without repetition.
	Has struct {
		At
		isTest
		X     Expr
		All   bool
		Items []string
	}
	// Like holds when the string X starts with, ends with or contains Text.
	Like struct {
		At
		isTest
		X    Expr
		Form LikeForm
		Text string
	}
	// Truth holds when the boolean X is true.
	Truth struct {
		At
		isTest
		X Expr
	}
	// During holds when the instant or date X lies in the window. A date stands
	// for the start of its local day.
	During struct {
		At
		isTest
		X      Expr
		Window Window
	}
	// Recurs holds when the yearly day of the date or instant X (29 February is
	// 1 March in common years) falls on a local day that the window touches. The
	// window is at most a year long.
	Recurs struct {
		At
		isTest
		X      Expr
		Window Window
	}
	// Known holds when X has a value.
	Known struct {
		At
		isTest
		X Expr
	}
	// Member holds for the effective members of a group at the same as-of.
	Member struct {
		At
		isTest
		Group string
	}
	// Rank holds for the first k of the ranked customers of the rule's whole
	// population, ties at the cut included: those for whom X is known and, where X
	// has aggregates, one of them selected a record. k is N, or with Percent
	// ceil(N/10^Scale percent of their number).
	Rank struct {
		At
		isTest
		X       Expr
		Bottom  bool
		N       int64
		Scale   int
		Percent bool
	}
	// Sample holds for a stable part of all customers: see package internal/sample.
	// The part is Percent/10^Scale percent.
	Sample struct {
		At
		isTest
		Percent int64
		Scale   int
		Key     string
	}
)

// LikeForm is which part of a string is compared.
type LikeForm string

// The forms of Like.
const (
	Prefix LikeForm = "starts with"
	Suffix LikeForm = "ends with"
	Infix  LikeForm = "contains"
)

// The values.
type (
	// Literal is a constant.
	Literal struct {
		At
		Typed
		Value catalog.Value
	}
	// Attr is an attribute of the customer that a store holds. Inside a Where it
	// is the customer of the record.
	//
	// An instant or date at or after as-of is missing, unless Due; with Latest it
	// is one second before as-of. Every attribute of a guest is missing, except
	// where the catalog says that guests have it.
	Attr struct {
		At
		Typed
		Name        string
		Due, Latest bool
		Login       bool // a guest's is missing
	}
	// Field is a field of the record at hand: its own (Up 0), its parent's (Up 1)
	// and so on. Instants as of Attr. The empty Name is the record's key.
	Field struct {
		At
		Typed
		Kind string // the kind that owns the rows at that level
		Up   int
		Name string
		Due  bool
	}
	// Arith is L Op R on numbers of one scale: Op is + or -. It is missing when
	// either is.
	Arith struct {
		At
		Typed
		Op   byte // '+' or '-'
		L, R Expr
	}
	// Times is X times the constant By, which may be negative.
	Times struct {
		At
		Typed
		X  Expr
		By int64
	}
	// Quotient is A / B exactly, without rounding: missing unless both are known
	// and B > 0. Within Compare at most one side holds one, alone and on the left.
	// The quotient of the two integers is in the scale of its Type: what A and B
	// lack for that is multiplied in.
	Quotient struct {
		At
		Typed
		A, B Expr
		Form QuotientForm // how it was written; no part of the meaning
	}
	// Product is X times Y. Only Lower makes it.
	Product struct {
		At
		Typed
		X, Y Expr
	}
	// Aggregate is a value over the records of one customer. A record is selected
	// when its stamp is known, before as-of and within Window, and Where holds for
	// it. Without selected records Count, Distinct and Active are 0, Sum is 0 and
	// the rest missing. When an end of the Window is missing, so is the value.
	Aggregate struct {
		At
		Typed
		Fn    AggregateFn
		Kind  string // a kind that owns its rows
		Stamp *Field // nil when untimed: then Window is open
		// Of is the value over the record that is aggregated, nil for Count and
		// Active. A record where it is missing is passed over, except by First and
		// Last, which give the value, missing or not, of the one record they choose.
		Of     Expr
		Window Window
		Where  Test // nil for every record
	}
)

// QuotientForm is how a Quotient was written.
type QuotientForm string

// The forms of a Quotient.
const (
	Division QuotientForm = "/"
	Average  QuotientForm = "avg"
	Share    QuotientForm = "share"
)

// AggregateFn is what an Aggregate computes.
type AggregateFn string

// The functions. First and Last choose by (stamp, key): keys compare as bytes.
// In an untimed kind by key alone.
const (
	Count        AggregateFn = "count"
	Sum          AggregateFn = "sum"
	Min          AggregateFn = "min"
	Max          AggregateFn = "max"
	First        AggregateFn = "first"
	Last         AggregateFn = "last"
	Distinct     AggregateFn = "distinct"
	ActiveDays   AggregateFn = "active_days" // local days with a selected record
	ActiveWeeks  AggregateFn = "active_weeks"
	ActiveMonths AggregateFn = "active_months"
)

// Window is the half-open span [From, To) of instants. The zero Window is open
// on both sides: all that as-of sees.
type Window struct{ From, To Bound }

// Bound is one end of a window. Its meaning is an instant, or missing for a
// Moment whose value is missing.
type Bound struct {
	Kind BoundKind
	// Back: that many units before as-of, negative for after. Period: the start
	// of the local day, week, month, quarter or year that many after as-of's own.
	N    int
	Unit Unit
	// Day: the local start of the calendar day, in days since 1970-01-01. Instant:
	// microseconds since then.
	At int64
	// Moment: the instant that this expression has for the customer.
	Moment Expr
	// Exclusive moves the bound to the next microsecond.
	Exclusive bool
}

// BoundKind is how a bound is found.
type BoundKind uint8

// The kinds of bounds.
const (
	Open    BoundKind = iota // no bound
	Now                      // as-of itself
	Back                     // N units before as-of, same clock reading
	Period                   // start of the local unit N units away from as-of's
	Day                      // start of a literal local day
	Instant                  // a literal instant
	Moment                   // an instant of the customer
)

// Unit is a unit of time. Hours and minutes are exact, the others calendar
// units in the shop's zone; weeks start on Monday.
type Unit string

// The units.
const (
	Minute  Unit = "min"
	Hour    Unit = "h"
	Days    Unit = "d"
	Week    Unit = "w"
	Month   Unit = "mo"
	Quarter Unit = "quarter"
	Year    Unit = "y"
)
