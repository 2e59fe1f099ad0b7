package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/store"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// One customer of a shop with everything is forgotten: no value of any table of the
// database holds their id, address, number or name, and every count is as before.
func TestErasedFromEveryTable(t *testing.T) {
	const who = dangol.CustomerID("zoe-77401")
	secrets := []string{string(who), "77401", "zoe", "Zoe"}
	onEngines(t, func(t *testing.T, h home) {
		ctx := t.Context()
		prefix := prefix()
		e := openEstate(t, h, prefix)
		e.fill(t, who, "ann", "bob", "cho")
		found := func() map[string]int {
			places := map[string]int{}
			h.everyCell(t, prefix, func(table, column, text string) {
				for _, s := range secrets {
					if strings.Contains(text, s) {
						places[strings.TrimPrefix(table, prefix)+"."+column]++
					}
				}
			})
			return places
		}
		require.Greater(t, len(found()), 20, "they are all over the place: %v", found())
		counts := func() string {
			var out []any
			for _, c := range []string{"hello", "cart"} {
				r, err := e.messages.Results(ctx, c)
				require.NoError(t, err)
				r.Reasons, r.Outcomes = nil, nil // a send that waited is dropped
				out = append(out, r)
			}
			credits, err := e.messages.Credits(ctx)
			require.NoError(t, err)
			used, err := e.coupons.Results(ctx, coupon.ByDefinition, coupon.ResultQuery{})
			require.NoError(t, err)
			for _, g := range []string{"new", "vip"} {
				past, err := e.segments.MembersAt(ctx, g, opening)
				require.NoError(t, err)
				n := 0
				for _, err := range e.segments.All(ctx, past) {
					require.NoError(t, err)
					n++
				}
				out = append(out, n)
			}
			return fmt.Sprintf("%+v %+v %+v", out, credits, used)
		}
		before := counts()

		e.clock.at = opening.Add(24 * time.Hour)
		require.NoError(t, e.data.Apply(ctx, store.Change{Op: store.Delete, Customer: who}))
		_, err := e.segments.Erase(ctx, who)
		require.NoError(t, err)
		_, err = e.messages.Erase(ctx, who, "010-"+string(who), string(who)+"@mail.example")
		require.NoError(t, err)
		_, err = e.coupons.Erase(ctx, who)
		require.NoError(t, err)
		require.Empty(t, found())
		require.Empty(t, cmp.Diff(before, counts()))

		e.clock.at = opening.Add(49 * time.Hour) // nothing brings them back
		_, err = e.segments.Tick(ctx)
		require.NoError(t, err)
		_, err = e.messages.Tick(ctx)
		require.NoError(t, err)
		require.Empty(t, found())
		r, err := e.messages.Results(ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, 4, r.Audience)
		sum := 0
		for state, n := range r.Outcomes {
			require.True(t, state.Final())
			sum += n
		}
		require.Equal(t, r.Audience, sum)
	})
}
