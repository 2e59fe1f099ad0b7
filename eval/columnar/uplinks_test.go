package columnar

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Links near each other and far from each other come back, one by one, in a run and
// followed; a copy from before does not see what is appended or set afterwards.
func TestUplinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var u, before uplinks
		var want, was []uint32
		for range rapid.IntRange(0, 5).Draw(t, "runs") {
			link := rapid.SampledFrom([]uint32{0, 1, 30_000, 70_000, 1 << 31}).Draw(t, "from")
			step := rapid.SampledFrom([]uint32{0, 1, 3, 100}).Draw(t, "step")
			holes := rapid.IntRange(1, 5).Draw(t, "holes")
			for i := range rapid.IntRange(0, 6000).Draw(t, "n") {
				to := link
				if i%holes == 1 {
					to = 0
				}
				u.append(to)
				want = append(want, to)
				link += step
			}
			if rapid.Bool().Draw(t, "copied") {
				before, was = u, slices.Clone(want)
				u.own()
			}
			if len(want) > 0 && rapid.Bool().Draw(t, "set") {
				u.own()
				at := rapid.IntRange(0, len(want)-1).Draw(t, "at")
				want[at] = rapid.SampledFrom([]uint32{0, 5, 80_000, 1 << 30}).Draw(t, "to")
				u.set(at, want[at])
			}
		}
		same := func(want []uint32, u *uplinks) {
			lo := 0
			if len(want) > 0 {
				lo = rapid.IntRange(0, len(want)-1).Draw(t, "lo")
			}
			got := make([]uint32, len(want)-lo)
			u.copy(got, lo)
			require.True(t, slices.Equal(want[lo:], got))
			rows := make([]uint32, len(got))
			links := make([]uint32, len(got))
			for i := range rows {
				require.Equal(t, want[lo+i], u.at(lo+i))
				rows[i], links[i] = uint32(lo+i), uint32(lo+i)+1
			}
			u.gather(got, rows)
			require.True(t, slices.Equal(want[lo:], got))
			u.follow(got, append([]uint32{0}, links...)[:len(got)])
			for i := range got {
				if i == 0 {
					require.Zero(t, got[i])
				} else {
					require.Equal(t, want[lo+i-1], got[i])
				}
			}
		}
		same(want, &u)
		same(was, &before)
	})
}
