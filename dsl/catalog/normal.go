package catalog

import (
	"golang.org/x/text/cases"
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
	return norm.NFC.String(s)
}

// fold repeats its three steps until nothing changes, since one may make room for
// another: a half-width mark only composes once it is full-width.
func fold(s string) string {
	if s, ok := foldASCII(s); ok {
		return s
	}
	fold := cases.Fold() // has state of its own, so it is not shared
	for {
		next := norm.NFC.String(fold.String(width.Fold.String(norm.NFC.String(s))))
		if next == s {
			return s
		}
		s = next
	}
}

func foldASCII(s string) (string, bool) {
	upper := false
	for i := range len(s) {
		if s[i] >= 0x80 {
			return s, false
		}
		upper = upper || 'A' <= s[i] && s[i] <= 'Z'
	}
	if !upper {
		return s, true
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b), true
}
