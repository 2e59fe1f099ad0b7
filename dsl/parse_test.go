package dsl_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/internal/corpus"
)

func TestParseCorpus(t *testing.T) {
	for _, r := range corpus.Rules() {
		_, err := dsl.Parse(r.Text)
		require.NoError(t, err, r.Text)
	}
}

// The budget for parsing and checking this rule together is 150 us.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dsl.Parse(corpus.Measured); err != nil {
			b.Fatal(err)
		}
	}
}
