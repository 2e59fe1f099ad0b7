package main

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The workers are children of this binary.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-worker") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestTwoWeeks(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), t.TempDir(), &out))
	text := out.String()
	require.Contains(t, text, "worker 2 is killed in the middle of a send")
	require.Contains(t, text, "messages that went out twice: 0")
	require.Contains(t, text, "win-back        647         35      612        0       35")
	require.Contains(t, text, "cart             39         19       20        0       19")
	require.Equal(t, 2, bytes.Count(out.Bytes(), []byte("gaps in the ledger: 0")))
}
