package coupon

import (
	"encoding/base32"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// symbols of generated codes: no I, L, O or U, which people misread or which
// make words.
const symbols = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// guessBits is how much longer than needed to tell the live codes apart a code
// must be, so that guessing one takes 2^40 tries.
const guessBits = 40

// maxCodeRunes bounds what a customer may type.
const maxCodeRunes = 64

// NormalizeCode makes the one form under which a code is kept and looked up:
// full-width and half-width are the same, so are cases, spaces and dashes do not
// count, O is 0, and I and L are 1. Codes that a shop chooses may have letters
// of any script. It returns "" for a text that holds no code.
func NormalizeCode(typed string) string {
	var b strings.Builder
	n := 0
	for _, r := range norm.NFKC.String(typed) {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r):
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_':
		default:
			return ""
		}
		if n++; n > maxCodeRunes {
			return ""
		}
		for _, u := range strings.ToUpper(string(r)) {
			switch u {
			case 'O':
				u = '0'
			case 'I', 'L':
				u = '1'
			}
			b.WriteRune(u)
		}
	}
	return norm.NFC.String(b.String())
}

// FormatCode groups a generated code for reading: K7PX-2M9D-... Other codes stay.
func FormatCode(code string) string {
	if !generated(code) {
		return code
	}
	var b strings.Builder
	for i := 0; i < len(code); i += 4 {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(code[i:min(i+4, len(code))])
	}
	return b.String()
}

// generated tells whether a normalised code is well-formed as one of ours, its
// check symbol included.
func generated(code string) bool {
	return len(code) >= minCodeSymbols+1 && onlySymbols(code) && checksum(code) == 0
}

// mistyped tells whether a normalised code looks like one of ours of this length
// but for its check symbol.
func mistyped(code string, symbols int) bool {
	return len(code) == symbols+1 && onlySymbols(code) && checksum(code) != 0
}

func onlySymbols(code string) bool {
	for i := range len(code) {
		if strings.IndexByte(symbols, code[i]) < 0 {
			return false
		}
	}
	return true
}

// minCodeSymbols is the shortest generated code without its check symbol: 50 bits.
const minCodeSymbols = 10

// newCode draws a random code of n symbols and adds the check symbol.
func newCode(random io.Reader, n int) (string, error) {
	buf := make([]byte, n, n+1)
	if _, err := io.ReadFull(random, buf); err != nil {
		return "", fmt.Errorf("coupon: random code: %w", err)
	}
	for i, b := range buf {
		buf[i] = symbols[b&31] // 256 is a multiple of 32, so every symbol is equally likely
	}
	// The check symbol stands last with weight 1, so it is the sum of the others.
	sum := checksum(string(buf) + "0")
	return string(append(buf, symbols[sum])), nil
}

// checksum is the sum over the symbols of value times alpha^position, in the field
// of 32 elements with alpha^5 = alpha^2 + 1, positions counted from the end. It is
// 0 for a valid code. Weights of up to 31 positions differ, so one wrong symbol or
// two exchanged ones never pass.
func checksum(code string) byte {
	var sum byte
	for i := range len(code) { // Horner's scheme
		sum <<= 1
		if sum&32 != 0 {
			sum ^= 0b100101
		}
		sum ^= byte(strings.IndexByte(symbols, code[i]))
	}
	return sum
}

// codeSpace refuses codes of n random symbols when so many live ones could be
// found by guessing.
func codeSpace(n int, live int64) error {
	if have, want := 5*n, guessBits+bits.Len64(uint64(max(live, 1)-1)); have < want {
		return fmt.Errorf("%w: %d symbols give %d bits, %d live codes need %d", ErrCodeSpace, n, have, live, want)
	}
	return nil
}

// randomID draws a name that nobody can guess: 75 bits.
func randomID(random io.Reader, prefix string) (string, error) {
	var buf [10]byte
	if _, err := io.ReadFull(random, buf[:]); err != nil {
		return "", fmt.Errorf("coupon: random id: %w", err)
	}
	return prefix + strings.ToLower(idEncoding.EncodeToString(buf[:])[1:]), nil
}

// grantID draws a random ID that sorts by the time it is made, since a database
// keeps what comes in order much faster than what does not.
func grantID(random io.Reader, made time.Time) (string, error) {
	micros := made.UnixMicro()
	var stamp [11]byte // 55 bits: for a thousand years
	for i := range stamp {
		stamp[i] = symbols[micros>>(5*(len(stamp)-1-i))&31]
	}
	return randomID(random, "g_"+strings.ToLower(string(stamp[:])))
}

var idEncoding = base32.NewEncoding(symbols).WithPadding(base32.NoPadding)
