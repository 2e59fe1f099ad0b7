package compile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/internal/corpus"
)

// BenchmarkCompile reads and checks the rule that limits are measured on: within
// 150 us.
func BenchmarkCompile(b *testing.B) {
	c := shop(b)
	b.ReportAllocs()
	for b.Loop() {
		p, ds := c.Text(corpus.Measured, compile.Options{})
		if p == nil {
			b.Fatal(ds)
		}
	}
}

// BenchmarkCheck is the same without parsing.
func BenchmarkCheck(b *testing.B) {
	c := shop(b)
	r, err := dsl.Parse(corpus.Measured)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if p, ds := c.Compile(r, compile.Options{}); p == nil {
			b.Fatal(ds)
		}
	}
}

// BenchmarkNew reads the shop's catalog, as a host does once.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compile.New(catalog.Shop()); err != nil {
			b.Fatal(err)
		}
	}
}
