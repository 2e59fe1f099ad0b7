package csvdir_test

import (
	"os"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/stretchr/testify/require"
)

// The orders of CDNOW's first-quarter customers of 1997, for 78 weeks. How many of
// them never bought again in the first 39 weeks, and in all 78, is published
// (Fader, Hardie and Lee, 2005).
func TestRealOrders(t *testing.T) {
	const dir = "../../../shared/data/cdnow"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the CDNOW orders are not beside this checkout")
	}
	zone, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	s := open(t, catalog.ShopIn("USD"))
	require.NoError(t, csvdir.Load(t.Context(), dir, s, csvdir.Options{Zone: zone}))

	c, err := compile.New(s.Catalog())
	require.NoError(t, err)
	rules := []struct {
		text string
		want int
	}{
		{`orders = 1`, 12_054},
		{`orders(before 1997-10-01) = 1`, 14_119},
		{`sum(orders.total) - first(orders.total) > 4000`, 10},
	}
	q := store.Query{AsOf: time.Date(1998, 7, 1, 0, 0, 0, 0, zone), Zone: zone}
	for _, rule := range rules {
		p, diagnostics := c.Text(rule.text, compile.Options{Scope: plan.Members})
		require.NotNil(t, p, "%v", diagnostics)
		q.Plans = append(q.Plans, p)
	}
	answers, err := s.Select(t.Context(), q)
	require.NoError(t, err)
	for i, rule := range rules {
		require.NoError(t, answers[i].Err)
		require.Equal(t, rule.want, answers[i].Members.Len(), rule.text)
	}
}
