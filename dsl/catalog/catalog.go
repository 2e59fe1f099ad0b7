// Package catalog declares what a shop's rules may speak of: attributes of a
// customer, kinds of records, measures, derived fields and named conditions,
// each with its type. A Catalog is data: hosts take Shop() and extend it, or
// write their own. It is checked once, by Validate and by package compile, which
// also reads the texts of what is derived.
package catalog

import "github.com/dangol-dev/dangol"

// Sort is the sort of a type.
type Sort uint8

// The sorts of values. Money is stored as Number values, Enum as String values.
const (
	Bool    Sort = iota + 1
	Number       // integer, or decimal of Type.Scale digits
	Money        // minor units of Type.Currency
	String       // NFC text, compared byte by byte
	Enum         // text that should be one of Type.Values
	Instant      // a point in time, to the microsecond
	Date         // a local calendar day
	Set          // a set of strings
)

// Type is the type of an attribute or field.
type Type struct {
	Sort     Sort
	Scale    int             // Number: digits after the point, 0 to 6
	Currency dangol.Currency // Money
	Values   []string        // Enum, and Set where its items are known: an unknown one is a warning
	Folded   bool            // String: stored and compared folded (case, width)
	Max      int64           // Number, Money: largest absolute value in stored units. Defaults to 10^10
}

// Timing tells what an as-of in the past sees of an untimed value.
type Timing uint8

const (
	Current Timing = iota // today's value is all there is: the answer is marked as not exact
	Latest                // an overwritten "latest" instant: at or after as-of it reads as one second before
	Timed                 // never changes once known, or the host keeps what as-of needs
)

// Attribute is one fact about a customer.
type Attribute struct {
	Name     string // may be dotted: billing.city
	Type     Type
	Required bool // every customer has one; otherwise it may be missing
	Due      bool // Instant, Date: may lie in the future, such as a coupon's expiry
	Personal bool // personal data: masked in explanations and logs
	Login    bool // known of members only: an error in rules over guests
	Hidden   bool // not segmentable: may not stand in rules
	Timing   Timing
	Derived  string // an expression in the rule language that computes it; then stores hold no value
	Doc      string // one sentence for rule authors
}

// Field is one fact of a record.
type Field struct {
	Name    string // may be dotted: ship_to.country
	Type    Type
	Due     bool
	Timing  Timing // Timed for what never changes; Current for what does, such as a status
	Hidden  bool
	Derived string // an expression over the record
	Doc     string
}

// Condition is a named test over one record, such as usable of coupons.
type Condition struct {
	Name string
	Text string // a test in the rule language over the record's fields; now is as-of
	Doc  string
}

// Kind is a kind of record that a customer has any number of.
//
// A kind without Base owns its rows. A kind with Base is a view: the same rows,
// narrowed by Where, perhaps stamped by another time field. Views of views are
// allowed. Stores know only kinds that own rows.
type Kind struct {
	Name string
	Base string // the kind whose rows, fields and conditions this one takes over
	// Where narrows a view to the records it selects: a test over the record.
	Where string
	// WhereHint is told to an author whose filter can never meet Where, such as
	// status = "cancelled" on orders: "all_orders counts every status".
	WhereHint string
	// Rows names the rows in files and default tables. Defaults to Name.
	Rows string
	// Time is the field that stamps a record, "" for an untimed kind. A field of
	// the parent is written order.placed. Defaults to Base's.
	Time string
	// Dated is, for an untimed kind, the instant field that a window tests: records
	// exist without it, and no window selects one that has none.
	Dated string
	// Parent is the kind that a record belongs to, "" for none. A record exists
	// only while its parent exists in that kind. ParentField is the field that
	// holds the parent's key, such as order; it is declared by this alone.
	Parent, ParentField string
	// Dimensions that the record's fields reach: field name to dimension name,
	// such as product to products.
	Dimensions map[string]string
	Fields     []Field
	Conditions []Condition
	Login      bool // known of members only
	Max        int  // records a customer. Defaults to 10^5
	Doc        string
}

// Dimension is a table of things that records point at, such as products. Its
// fields stand in a rule by their name, or as product.brand where hidden by a
// field of the record.
type Dimension struct {
	Name   string
	Fields []Field
	Doc    string
}

// Measure is a value that the catalog names. Text is an expression over
// aggregates without windows; the rule's window and where go to each of them.
type Measure struct {
	Name string
	Text string
	Doc  string
}

// Catalog is a shop's vocabulary. It must not be changed once it is in use; a
// Catalog in use is safe for concurrent readers.
type Catalog struct {
	Currency   dangol.Currency // of the shop. Defaults to KRW
	Attributes []Attribute
	Kinds      []Kind
	Dimensions []Dimension
	Measures   []Measure
	// Conditions are named tests over a customer that may stand in any rule.
	Conditions []Condition
}
