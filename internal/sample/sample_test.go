package sample_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/stretchr/testify/require"
)

// The numbers are stored by hosts beside their customers, so they may never change.
func TestGoldens(t *testing.T) {
	// sha256("") = e3b0c442 98fc1c14 9afbf4c8 996fb924...
	require.Equal(t, uint32(0xe3b0c442>>1), sample.Bucket(""))
	a, b := sample.Key("")
	require.Equal(t, uint64(0xe3b0c44298fc1c14)%(sample.P-1)+1, a)
	require.Equal(t, uint64(0x9afbf4c8996fb924)%sample.P, b)
	// sha256("abc") = ba7816bf 8f01cfea 414140de 5dae2223...
	require.Equal(t, uint32(0xba7816bf>>1), sample.Bucket("abc"))
}

func TestThreshold(t *testing.T) {
	require.Equal(t, uint64(0), sample.Threshold(0, 100))
	require.Equal(t, uint64(214748364), sample.Threshold(10, 100), "floor of 214748364.7")
	require.Equal(t, uint64(sample.P), sample.Threshold(100, 100))
	require.Equal(t, uint64(sample.P), sample.Threshold(math.MaxUint64, 1))
	require.Equal(t, uint64(0), sample.Threshold(5, 0))
}

func TestPartsAreFairAndIndependent(t *testing.T) {
	const n = 20_000
	a1, b1 := sample.Key("spring")
	a2, b2 := sample.Key("summer")
	tenth := sample.Threshold(1, 10)
	var one, both int
	for i := range n {
		bucket := sample.Bucket(fmt.Sprintf("customer-%d", i))
		if sample.In(bucket, a1, b1, tenth) {
			one++
			if sample.In(bucket, a2, b2, tenth) {
				both++
			}
		}
	}
	require.InDelta(t, n/10, one, 200, "a tenth, within five standard deviations")
	require.InDelta(t, n/100, both, 75, "a tenth of the tenth")
}

func TestWholeAndNothing(t *testing.T) {
	a, b := sample.Key("k")
	for i := range 1000 {
		bucket := sample.Bucket(fmt.Sprint(i))
		require.True(t, sample.In(bucket, a, b, sample.Threshold(1, 1)))
		require.False(t, sample.In(bucket, a, b, sample.Threshold(0, 1)))
	}
}
