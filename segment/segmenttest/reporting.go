package segmenttest

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/segment"
)

// Reports read what was recorded, of groups that are gone too, and never what was
// learnt later.
func reports(w *world) {
	w.join(at(1, 10, 0), "a", "b", "c", "d")
	w.create("buyers", "orders >= 1")
	w.create("sleepers", "orders = 0")
	w.order("a", "o1", at(2, 12, 0), 1)
	w.order("b", "o2", at(3, 12, 0), 1)
	w.join(at(3, 12, 0), "e")
	for _, day := range []int{3, 4} {
		w.tick(at(day, 0, 0))
	}
	w.clock.Set(at(4, 12, 0))
	require.NoError(w.t, w.Delete(w.ctx, "sleepers"))
	w.clock.Set(at(5, 12, 0))

	points := []time.Time{at(1, 12, 0), at(2, 12, 0), at(3, 12, 0), at(4, 10, 0), at(5, 10, 0)}
	line, err := w.TimelineOf(w.ctx, []string{"buyers", "sleepers"}, "sleepers", points)
	require.NoError(w.t, err)
	var counts [][]int
	for _, s := range line.Shares() {
		counts = append(counts, s.Stages)
	}
	require.Empty(w.t, cmp.Diff([][]int{{0, 0}, {0, 4}, {1, 3}, {2, 3}, {2, 0}}, counts))
	require.Empty(w.t, cmp.Diff([][]int{{0, 0, 0}, {2, 2, 0}, {0, 1, 0}}, line.Movement(1, 3).Moved), "e is new")
	cohorts := line.Retention(false, "buyers")
	require.Equal(w.t, []int{1, 1, 1}, cohorts[2].Kept)
	require.Equal(w.t, []int{1, 1}, cohorts[3].Kept)
	require.Empty(w.t, cmp.Diff([]segment.Exit{{Stage: "buyers", Stood: 3}}, line.Exits()))
	step, ok := line.At(2, "a")
	require.True(w.t, ok)
	require.Equal(w.t, "buyers", step.Stage)
	_, ok = line.At(0, "a")
	require.False(w.t, ok)

	buyers, err := w.Snapshot(w.ctx, "buyers")
	require.NoError(w.t, err)
	sleepers, err := w.MembersAt(w.ctx, "sleepers", at(2, 0, 0))
	require.NoError(w.t, err)
	o, err := w.Overlap(w.ctx, buyers, sleepers)
	require.NoError(w.t, err)
	require.Equal(w.t, []int{2, 4, 2, 4}, []int{o.A.Count, o.B.Count, o.Both, o.Any()})
	o, err = w.Overlap(w.ctx, sleepers, buyers)
	require.NoError(w.t, err)
	require.Equal(w.t, 2, o.Both)

	for name, err := range map[string]error{
		"no instants":      second(w.TimelineOf(w.ctx, []string{"buyers"}, "", nil)),
		"no groups":        second(w.TimelineOf(w.ctx, nil, "", points)),
		"not rising":       second(w.TimelineOf(w.ctx, []string{"buyers"}, "", []time.Time{at(2, 0, 0), at(2, 0, 0)})),
		"a ladder's group": second(w.Timeline(w.ctx, segment.Ladder{Steps: []segment.Step{{Stage: "x", Rule: `in group "buyers"`}}}, points)),
	} {
		require.ErrorIs(w.t, err, segment.ErrInvalid, name)
	}
	require.ErrorIs(w.t, second(w.TimelineOf(w.ctx, []string{"none"}, "", points)), segment.ErrNotFound)
	_, err = w.Timeline(w.ctx, segment.Ladder{Steps: []segment.Step{{Stage: "x", Name: "y", Rule: "ordrs"}}}, points)
	require.ErrorContains(w.t, err, `step "y" of stage "x"`)
}
