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
