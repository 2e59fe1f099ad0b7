package dsl

import "github.com/dangol-dev/dangol/dsl/source"

// Rule is a parsed rule. It is immutable and safe to share.
type Rule struct {
	Text     string // what was parsed, as it was given; names and strings of the tree are NFC
	Expr     Expr
	Comments []Comment // in the order of the text
}

// Comment is a # comment up to the end of its line, without the newline.
type Comment struct {
	At   source.Span
	Text string // with the leading #
}

// Expr is a node of the tree: a test, a value, or something only the checker can
// tell apart. Types are found out by package compile, not here.
type Expr interface {
	Span() source.Span
	expr()
}

type at struct{ span source.Span }

// Span is where the node stands in Rule.Text.
func (a at) Span() source.Span { return a.span }
func (at) expr()               {}

// CompareOp is one of = != < <= > >=.
type CompareOp string

// ArithOp is one of + - * /.
type ArithOp string

// Unit is a unit of time in its short spelling: min h d w mo y, and quarter for
// local periods.
type Unit string

// The units of the language.
const (
	Minute  Unit = "min"
	Hour    Unit = "h"
	Day     Unit = "d"
	Week    Unit = "w"
	Month   Unit = "mo"
	Quarter Unit = "quarter"
	Year    Unit = "y"
)

// The nodes. Neg on a relation is its "not": `not within`, `not in`, `is not known`.
type (
	// Or and And hold two or more terms, flat: a or b or c is one node.
	Or struct {
		at
		Terms []Expr
	}
	And struct {
		at
		Terms []Expr
	}
	Not struct {
		at
		X Expr
	}
	// Paren keeps the author's parentheses.
	Paren struct {
		at
		X Expr
	}
	Compare struct {
		at
		Op     CompareOp
		OpSpan source.Span
		L, R   Expr
	}
	Within struct {
		at
		X      Expr
		Neg    bool
		Window *Window
	}
	Between struct {
		at
		X, Lo, Hi Expr
		Neg       bool
	}
	// In is membership in a list of values.
	In struct {
		at
		X    Expr
		Neg  bool
		List []Expr
	}
	// InRank is `in top 5%` or `in bottom 100`.
	InRank struct {
		at
		X      Expr
		Neg    bool
		Bottom bool
		N      *Number // Percent tells whether it is a percentage
	}
	// Contains is `contains "x"` (Mode ""), `contains any (...)` or `contains all (...)`.
	Contains struct {
		at
		X     Expr
		Neg   bool
		Mode  string
		Items []Expr
	}
	// Affix is `starts with "x"` or, with End, `ends with "x"`.
	Affix struct {
		at
		X    Expr
		Neg  bool
		End  bool
		Text *String
	}
	// When is X `before`, `after` or `on` a point in time.
	When struct {
		at
		X     Expr
		Neg   bool
		Rel   string
		Point Expr
	}
	Known struct {
		at
		X   Expr
		Neg bool
	}
	Arith struct {
		at
		Op     ArithOp
		OpSpan source.Span
		L, R   Expr
	}
	Minus struct {
		at
		X Expr
	}
	// InGroup is `in group "VIP"`.
	InGroup struct {
		at
		Name *String
	}
	// String is a string literal; Value is unquoted, NFC.
	String struct {
		at
		Value string
	}
	// Date is a literal local day.
	Date struct {
		at
		Year, Month, Day int // a day of the calendar: 30 February does not parse
	}
	Bool struct {
		at
		Value bool
	}
	// Number is a literal number, alone or with a percent sign, a currency or a
	// unit of time.
	Number struct {
		at
		Text     string // digits as written
		Mantissa int64  // the digits without the point
		Scale    int    // how many of them stood after the point: 1.50 is 150 at scale 2
		Percent  bool
		Currency string // "KRW", or ""
		Unit     Unit   // or ""
		Full     bool   // 7 full days
		Ago      bool   // 60d ago
	}
	// Word is today, yesterday or now.
	Word struct {
		at
		Name string
	}
	// Ref is a dotted name, called or not: joined, billing.city, orders(7d),
	// sum(orders.total, 365d).
	Ref struct {
		at
		Path     []Name
		Called   bool // parentheses were written
		Args     []*Arg
		NameSpan source.Span // of the path alone
	}
)

// Name is one part of a dotted name.
type Name struct {
	At   source.Span
	Text string
}

// Arg is one argument of a call: a window or a value, a filter, or both.
type Arg struct {
	At     source.Span
	Window *Window // nil when the argument is only a filter
	Where  Expr    // nil without a filter
}

// WindowForm is how a span of time was written.
type WindowForm string

// The forms of a Window. In a call, a plain value such as orders.total is read as
// PointWindow too: only the checker can tell.
const (
	PointWindow  WindowForm = "point"  // 7d, 2026-01-31, today, orders.total
	RangeWindow  WindowForm = ".."     // From .. To
	SinceWindow  WindowForm = "since"  // since From
	BeforeWindow WindowForm = "before" // before From
	NextWindow   WindowForm = "next"   // next From
	ThisWindow   WindowForm = "this"   // this Unit
	LastWindow   WindowForm = "last"   // last Unit
)

// Window is a span of time as written.
type Window struct {
	At       source.Span
	Form     WindowForm
	From, To Expr // To only of a range; both nil for this and last
	Unit     Unit // of this and last
}
