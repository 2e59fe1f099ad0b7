package catalog_test

import (
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestNormal(t *testing.T) {
	plain, folded := catalog.Type{Sort: catalog.String}, catalog.Type{Sort: catalog.String, Folded: true}
	for _, tc := range []struct {
		why, in, plain, folded string
	}{
		{"ASCII keeps its case unless folded", "Kim@Corp.COM", "Kim@Corp.COM", "kim@corp.com"},
		{"Hangul syllables from jamo", "\u1112\u1161\u11ab", "한", "한"},
		{"full width", "ＡＢＣ１", "ＡＢＣ１", "abc1"},
		{"half-width kana with its mark", "ｶﾞ", "ｶﾞ", "ガ"},
		{"sharp s", "STRAße", "STRAße", "straße"},
		{"final sigma", "ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"},
		{"composed accent", "e\u0301", "é", "é"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			require.Equal(t, tc.plain, plain.Normal(tc.in))
			require.Equal(t, tc.folded, folded.Normal(tc.in))
		})
	}
}

func TestNormalIsIdempotent(t *testing.T) {
	folded := catalog.Type{Sort: catalog.String, Folded: true}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		once := folded.Normal(s)
		require.Equal(t, once, folded.Normal(once))
		require.Equal(t, once, folded.Normal(norm.NFD.String(s)), "canonically equal strings fold alike")
	})
}
