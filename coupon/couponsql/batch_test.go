package couponsql_test

import (
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/stretchr/testify/require"
)

// counting is a writer that keeps nothing but the number of lines, and watches the
// heap while they come.
type counting struct {
	lines int
	heap  uint64
}

func (c *counting) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			c.lines++
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.heap = max(c.heap, m.HeapAlloc)
	return len(p), nil
}

var _ io.Writer = (*counting)(nil)

// A large batch is made and exported in memory that does not grow with it.
func TestLargeBatch(t *testing.T) {
	count := int64(20_000)
	if *soak {
		count = 1_000_000
	}
	ctx := t.Context()
	store, _ := openFile(t, filepath.Join(t.TempDir(), "coupons.db"))
	s := coupontest.NewService(t, store, new(coupontest.Clock))
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
	b, err := s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: count})
	require.NoError(t, err)
	require.Equal(t, count, b.Done)
	runtime.GC()
	var out counting
	require.NoError(t, s.ExportGrants(ctx, &out, coupon.GrantQuery{Batch: "b"}))
	require.Equal(t, int(count)+1, out.lines)
	require.Less(t, out.heap, uint64(64<<20))
}
