package dangol_test

import (
	"math"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/stretchr/testify/require"
)

func TestMoneyText(t *testing.T) {
	for want, m := range map[string]dangol.Money{
		"12,500 KRW":                     {Minor: 12500, Currency: dangol.KRW},
		"-1,234.05 USD":                  {Minor: -123405, Currency: "USD"},
		"0.07 EUR":                       {Minor: 7, Currency: "EUR"},
		"1.005 KWD":                      {Minor: 1005, Currency: "KWD"},
		"999 KRW":                        {Minor: 999, Currency: dangol.KRW},
		"1,000,000 KRW":                  {Minor: 1_000_000, Currency: dangol.KRW},
		"-9,223,372,036,854,775,808 JPY": {Minor: math.MinInt64, Currency: "JPY"},
	} {
		require.Equal(t, want, m.String())
	}
}

func TestParseMoney(t *testing.T) {
	m, err := dangol.ParseMoney("9.9", "USD")
	require.NoError(t, err)
	require.Equal(t, int64(990), m.Minor)
	m, err = dangol.ParseMoney("100.00", dangol.KRW)
	require.NoError(t, err, "trailing zeros lose nothing")
	require.Equal(t, int64(100), m.Minor)
	for _, bad := range []string{"", ".", "1.", ".5", "1,000", "1e3", "9.999", "--1", "0x1", "99999999999999999999"} {
		_, err := dangol.ParseMoney(bad, "USD")
		require.Error(t, err, bad)
	}
	_, err = dangol.ParseMoney("1", "WON")
	require.ErrorIs(t, err, dangol.ErrCurrency)
}

func TestMoneyArithmetic(t *testing.T) {
	won := func(n int64) dangol.Money { return dangol.Money{Minor: n, Currency: dangol.KRW} }
	sum, err := won(2).Add(won(-5))
	require.NoError(t, err)
	require.Equal(t, won(-3), sum)
	_, err = won(math.MaxInt64).Add(won(1))
	require.ErrorIs(t, err, dangol.ErrOverflow)
	_, err = won(math.MinInt64).Sub(won(1))
	require.ErrorIs(t, err, dangol.ErrOverflow)
	_, err = won(1).Add(dangol.Money{Minor: 1, Currency: "USD"})
	require.ErrorIs(t, err, dangol.ErrCurrency)
	share, err := won(math.MaxInt64).MulDiv(math.MaxInt64, math.MaxInt64)
	require.NoError(t, err)
	require.Equal(t, won(math.MaxInt64), share)
	third, err := won(-100).MulDiv(1, 3)
	require.NoError(t, err)
	require.Equal(t, won(-33), third)
	_, err = won(math.MaxInt64).MulDiv(2, 1)
	require.ErrorIs(t, err, dangol.ErrOverflow)
}
