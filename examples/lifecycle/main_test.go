package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheYear(t *testing.T) {
	var said, page bytes.Buffer
	require.NoError(t, run(t.Context(), &said, &page, 300))
	require.Contains(t, said.String(), "2026-01")
	require.Contains(t, page.String(), "잠재 고객 prospect")
}
