package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheYear(t *testing.T) {
	var said, page bytes.Buffer
	require.NoError(t, run(t.Context(), &said, &page, 300))
	require.Contains(t, said.String(), "2026-01")
	require.Contains(t, page.String(), "잠재 고객 prospect")
}

func TestRealOrders(t *testing.T) {
	f := folder{dir: "../../../shared/data/cdnow", from: "1997-01-01", weeks: 4, zone: "America/New_York", currency: "USD"}
	if _, err := os.Stat(f.dir); err != nil {
		t.Skip("the CDNOW orders are not beside this checkout")
	}
	var said, page bytes.Buffer
	require.NoError(t, existing(t.Context(), &said, &page, f))
	require.Contains(t, said.String(), "1997-01-29")
	require.Contains(t, page.String(), "4 points")
}
