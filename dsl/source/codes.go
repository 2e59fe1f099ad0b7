package source

// Every code that an author can meet stands in this file, each with when it is
// given. Codes are promises: scripts match on them, so a code is never renamed
// and never changes its meaning.

// Codes of reading the text, given by package dsl. Reading stops at the first.
const (
	// BadText: the text is not UTF-8 or holds a character that no one can see.
	BadText Code = "bad-text"
	// BadCharacter: a character that no rule uses, such as a curly quote or &.
	BadCharacter Code = "bad-character"
	// BadString: a string without its closing quote, or broken over lines, or
	// with an unknown escape.
	BadString Code = "bad-string"
	// BadNumber: a number with leading zeros, misplaced _ or too many digits.
	BadNumber Code = "bad-number"
	// BadDate: a date that is not in the calendar.
	BadDate Code = "bad-date"
	// BadUnit: a unit of time that does not exist, or m, which could be two.
	BadUnit Code = "bad-unit"
	// Unclosed: a parenthesis that is opened and never closed.
	Unclosed Code = "unclosed"
	// Unexpected: something else was expected at this place.
	Unexpected Code = "syntax"
	// TooLong: the text has more bytes than the limit.
	TooLong Code = "too-long"
	// TooDeep: parentheses, "not" or signs are nested deeper than the limit.
	TooDeep Code = "too-deep"
	// TooMany: a rule has more parts, or a list more items, than the limit.
	TooMany Code = "too-many"
)

// Codes of checking a rule against a catalog, given by package eval/compile.
// Checking tells everything it finds.
const (
	// UnknownName: nothing is called so, or not at this place.
	UnknownName Code = "unknown-name"
	// AmbiguousName: a name that two dimensions of a record have.
	AmbiguousName Code = "ambiguous-name"
	// UnknownGroup: no group is called so.
	UnknownGroup Code = "unknown-group"
	// NotSegmentable: the catalog keeps the name out of rules.
	NotSegmentable Code = "not-segmentable"
	// NeedsLogin: what is known of members only, in a rule over guests.
	NeedsLogin Code = "needs-login"
	// NeedsAggregate: a field of a record where one value of the customer is needed.
	NeedsAggregate Code = "needs-aggregate"
	// NotInWhere: an aggregate, a rank, a group or a sample inside where.
	NotInWhere Code = "not-in-where"
	// ParentField: a field of the parent record, aggregated over the children.
	ParentField Code = "parent-field"
	// NotATest: a value stands where a test is needed.
	NotATest Code = "not-a-test"
	// NotAValue: a test stands where a value is needed.
	NotAValue Code = "not-a-value"
	// WrongType: a value of one sort where another is needed.
	WrongType Code = "wrong-type"
	// CompareMoments: = < > or arithmetic on points in time.
	CompareMoments Code = "compare-moments"
	// WrongCurrency: amounts of two currencies, or an amount and another number.
	WrongCurrency Code = "wrong-currency"
	// TooManyDigits: an amount finer than its currency.
	TooManyDigits Code = "too-many-digits"
	// WrongPercent: a percentage that meets neither a quotient nor a share.
	WrongPercent Code = "wrong-percent"
	// TwoQuotients: more than one of /, avg and share in a test.
	TwoQuotients Code = "two-quotients"
	// NotLinear: a product of two values, neither of them constant.
	NotLinear Code = "not-linear"
	// BadDivisor: a divisor that is never above 0.
	BadDivisor Code = "bad-divisor"
	// TooLarge: numbers that could leave the range of exact arithmetic.
	TooLarge Code = "too-large"
	// BadWindow: a span of time that does not mean one.
	BadWindow Code = "bad-window"
	// EmptyWindow: a window whose start is not before its end.
	EmptyWindow Code = "empty-window"
	// NoTime: a window where nothing has a time.
	NoTime Code = "no-time"
	// OnlyPast: next, of what never lies in the future.
	OnlyPast Code = "only-past"
	// OverAYear: an anniversary within more than a year.
	OverAYear Code = "over-a-year"
	// BadCall: arguments that do not fit what is called.
	BadCall Code = "bad-call"
	// CannotRank: a rank of something other than a number, or of a quotient.
	CannotRank Code = "cannot-rank"
	// BadRank: a rank that is no whole number and no percentage up to 100.
	BadRank Code = "bad-rank"
	// BadSample: a sample whose part or key does not make sense.
	BadSample Code = "bad-sample"
	// NeverSelected: a filter that the kind itself rules out.
	NeverSelected Code = "never-selected"
	// TooComplex: a rule that unfolds to more parts than the limit.
	TooComplex Code = "too-complex"
	// Cycle: texts of the catalog that need each other.
	Cycle Code = "cycle"
)

// Warnings of checking: the rule can be used.
const (
	// CannotHold: a test that no customer can meet.
	CannotHold Code = "cannot-hold"
	// AlwaysHolds: a test that every customer meets.
	AlwaysHolds Code = "always-holds"
	// Repeated: the same clause or value twice.
	Repeated Code = "repeated"
	// UnknownValue: a value that the catalog does not list.
	UnknownValue Code = "unknown-value"
	// IncludesNever: a negated time test that holds also for those without a time.
	IncludesNever Code = "includes-never"
	// EmptyToday: today, in a group that is refreshed at midnight.
	EmptyToday Code = "empty-today"
	// MixedAndOr: and beside or without parentheses.
	MixedAndOr Code = "mixed-and-or"
)
