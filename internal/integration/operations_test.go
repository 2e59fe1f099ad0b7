package integration_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/segment"
	"github.com/stretchr/testify/require"
)

func keep(ctx context.Context, segments *segment.Service, coupons *coupon.Service, messages *message.Service) error {
	_, refresh := segments.Tick(ctx) // each minute
	_, lapse := coupons.Lapse(ctx)   // each few minutes
	_, old := coupons.Prune(ctx)     // each night
	_, sent := messages.Prune(ctx)   // each night
	return errors.Join(refresh, lapse, old, sent)
}

// Every query of docs/operations.md runs on every engine as it stands there, and those
// that should find nothing in a healthy shop find nothing in one.
func TestOperationsPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	test, err := os.ReadFile("operations_test.go")
	require.NoError(t, err)
	var queries []string
	for _, block := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		switch block[1] {
		case "sql":
			queries = append(queries, block[2])
		case "go":
			require.Contains(t, string(test), block[2], "the page's program is the one above")
		}
	}
	require.Len(t, queries, 11)
	onEngines(t, func(t *testing.T, h home) {
		e := openEstate(t, h, "")
		e.fill(t, estateCustomers...)
		require.NoError(t, keep(t.Context(), e.segments, e.coupons, e.messages))
		found := 0
		for _, query := range queries {
			none := strings.HasPrefix(query, "-- none")
			query = strings.ReplaceAll(query, "NOW_US", strconv.FormatInt(e.clock.at.UnixMicro(), 10))
			rows, err := h.db.Query(query)
			require.NoError(t, err, query)
			n := 0
			for ; rows.Next(); n++ {
			}
			require.NoError(t, rows.Err(), query)
			rows.Close()
			if none {
				require.Zero(t, n, query)
			}
			found += n
		}
		require.Greater(t, found, 6)
	})
}
