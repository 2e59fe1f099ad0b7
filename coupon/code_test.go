package coupon

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNormalizeCode(t *testing.T) {
	for typed, want := range map[string]string{
		"PROMO": "PR0M0", "promo": "PR0M0", "PROMO ": "PR0M0", " pro-mo": "PR0M0", "ＰＲＯＭＯ": "PR0M0", "ｐｒ０ｍｏ": "PR0M0",
		"PR0M0": "PR0M0", "P R O M O": "PR0M0", "pro\u00a0mo": "PR0M0", "pro\u3000mo": "PR0M0", "PRO–MO": "PR0M0", "pro\u200bmo": "PR0M0",
		"Il1L": "1111", "단골10": "단골10", "\u1103\u1161\u11ab골": "단골", "A_B": "A_B",
		"": "", "   ": "", "a;b": "", "' or 1=1": "", "a\x00b": "", strings.Repeat("A", 65): "", "\xff": "",
	} {
		require.Equal(t, want, NormalizeCode(typed), "%q", typed)
		require.Equal(t, want, NormalizeCode(want), "%q again", want)
	}
}

func TestCodesAreReadable(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		code, err := newCode(rand.Reader, 15)
		require.NoError(t, err)
		require.Len(t, code, 16)
		require.True(t, generated(code))
		require.Equal(t, code, NormalizeCode(strings.ToLower(FormatCode(code))))
		require.NotContains(t, code, "U")
		require.False(t, seen[code])
		seen[code] = true
	}
	require.Equal(t, "단골10", FormatCode("단골10"))
}

// Every code with one wrong symbol or two symbols exchanged is told from every
// right one, at all lengths.
func TestCheckSymbolFindsEveryTypo(t *testing.T) {
	for _, n := range []int{minCodeSymbols, 15, 30} {
		code, err := newCode(rand.Reader, n)
		require.NoError(t, err)
		for i := range code {
			for _, s := range symbols {
				if byte(s) != code[i] {
					require.NotZero(t, checksum(code[:i]+string(s)+code[i+1:]))
				}
			}
			for j := i + 1; j < len(code); j++ {
				if code[i] != code[j] {
					b := []byte(code)
					b[i], b[j] = b[j], b[i]
					require.NotZero(t, checksum(string(b)), "%d and %d exchanged", i, j)
					require.True(t, mistyped(string(b), n))
				}
			}
		}
	}
}

func TestGrantIDsSortByTime(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	var last string
	for i := range 100 {
		id, err := grantID(rand.Reader, now.Add(time.Duration(i)*time.Microsecond))
		require.NoError(t, err)
		require.Len(t, id, 2+11+15)
		require.Greater(t, id, last)
		last = id
	}
	same, err := grantID(rand.Reader, now.Add(99*time.Microsecond))
	require.NoError(t, err)
	require.NotEqual(t, last, same)
}

func TestCodeSpace(t *testing.T) {
	require.NoError(t, codeSpace(12, 1<<20))
	require.ErrorIs(t, codeSpace(12, 1<<20+1), ErrCodeSpace)
	require.NoError(t, codeSpace(10, 1024))
	require.ErrorIs(t, codeSpace(10, 1025), ErrCodeSpace)
	require.NoError(t, codeSpace(15, 1<<35))
	require.NoError(t, codeSpace(15, 0))
}
