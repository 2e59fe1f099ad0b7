package coupon_test

import (
	"testing"

	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
)

func TestMemory(t *testing.T) {
	coupontest.Run(t, func(testing.TB) coupon.Store { return coupon.NewMemory() })
}
