package catalog

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Normal is the form in which strings of the type are stored and compared: NFC,
// and without differences of case and width where the type is folded. Stores
// apply it to what they write, package compile to the strings of a rule. It is
// idempotent, and pure.
func (t Type) Normal(s string) string {
	if t.Folded {
		return fold(s)
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(s)
		}
	}
	return s
}

// fold repeats its steps while they change something, since one may make room
// for another: a half-width mark only composes once it is full-width. Case is
// taken away rune by rune, by way of upper case so that all forms of a letter
// meet (the final sigma); ß stays ß. Full case folding of package cases has no
// fixed point for Cherokee.
func fold(s string) string {
	for range 4 {
		next := norm.NFC.String(strings.ToLower(strings.ToUpper(width.Fold.String(norm.NFC.String(s)))))
		if next == s {
			break
		}
		s = next
	}
	return s
}
