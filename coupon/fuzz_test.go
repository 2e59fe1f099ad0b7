package coupon_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/stretchr/testify/require"
)

// Whatever is typed, a code has one form, and that form is its own.
func FuzzNormalizeCode(f *testing.F) {
	for _, s := range []string{"PROMO ", "ｐｒｏｍｏ", "K7PX-2M9D-0000-1111", "단골10", "\u1103\u1161\u11ab골", "ﬁ", "ß", "İ", "a\u0301", "\xff", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code := coupon.NormalizeCode(typed)
		require.True(t, utf8.ValidString(code))
		require.Equal(t, code, coupon.NormalizeCode(code))
		require.Equal(t, code, coupon.NormalizeCode(coupon.FormatCode(code)))
		require.False(t, strings.ContainsAny(code, " -,;'\"<>\n\x00"))
	})
}

// No token but the service's own opens, and none harms.
func FuzzOpenLink(f *testing.F) {
	s, err := coupon.New(coupon.NewMemory(), coupon.Config{LinkSecrets: [][]byte{[]byte(strings.Repeat("k", 32))}})
	require.NoError(f, err)
	for _, token := range []string{"", ".", "Zy4xLmc.AAAA", "ZC45OTk5OTk5OTk5OS5k.bm8"} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := s.OpenLink(token)
		require.ErrorIs(t, err, coupon.ErrLink)
	})
}
