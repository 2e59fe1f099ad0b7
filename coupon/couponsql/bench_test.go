package couponsql_test

import (
	"path/filepath"
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/stretchr/testify/require"
)

func BenchmarkReserveCommit(b *testing.B) {
	coupontest.BenchReserveCommit(b, func(t testing.TB) coupon.Store {
		s, _ := openFile(t, filepath.Join(t.TempDir(), "coupons.db"))
		return s
	})
}

// BenchmarkGenerate makes batches of codes; ns/op is of one code.
func BenchmarkGenerate(b *testing.B) {
	store, _ := openFile(b, filepath.Join(b.TempDir(), "coupons.db"))
	s := coupontest.NewService(b, store, new(coupontest.Clock))
	coupontest.Save(b, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
	_, err := s.Generate(b.Context(), coupon.Batch{ID: "b", Definition: "d", Count: int64(b.N)})
	require.NoError(b, err)
}
