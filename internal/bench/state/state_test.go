package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A small run measures everything that SQLite has.
func TestSmallRun(t *testing.T) {
	o := options{work: "redeem,dispatch,river", workers: []int{1, 4}, took: 20 * time.Millisecond, rounds: 1, messages: 150, limits: 3, dir: t.TempDir()}
	lines, err := measure(t.Context(), o, "sqlite")
	require.NoError(t, err)
	require.Len(t, lines, 2*2+2*2*2)
	for _, l := range lines {
		require.Positive(t, l.Ours, l.Work)
	}
}
