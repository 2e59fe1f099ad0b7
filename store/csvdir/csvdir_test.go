package csvdir_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the goldens anew")

// folder makes a file system of a text in which a line "-- name --" starts a file.
func folder(text string) fstest.MapFS {
	files, name := fstest.MapFS{}, ""
	for line := range strings.Lines(text) {
		if head, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(head), " --")
			files[name] = &fstest.MapFile{}
			continue
		}
		files[name].Data = append(files[name].Data, line...)
	}
	return files
}

func seoul(t *testing.T) *time.Location {
	loc, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	return loc
}

func open(t *testing.T, c *catalog.Catalog) *memstore.Store {
	s, err := memstore.New(c, memstore.Options{})
	require.NoError(t, err)
	return s
}

// plain keeps the optional interfaces of a store from csvdir.
type plain struct{ store.Store }

func TestLoad(t *testing.T) {
	files := folder(`-- catalog.yaml --
read by whoever makes the store
-- .DS_Store --
-- customers.csv --
id,joined,guest,email,tags,store_credit,birthday,billing.city,newsletter,points
c1,2026-01-01,,Kim@Corp.com,vip|press|vip,12000,1990-02-28,서울,true,-5
c2,2026-01-01T09:30:00.5+09:00,false,,,,,"New
York",false,
g1,,true,,,,,,,
-- orders.csv --
id,customer,placed,status,total
o1,c1,2026-01-02,confirmed,10
-- items.csv --
order,product,amount,category
o1,p1,10,
o1,p2,0,own
-- products.csv --
id,category,price
p1,shoes,5
p2,hats,6
-- visits.csv --
customer,at,page
c1,2026-01-03T00:00:00Z,/
g1,2026-01-03T00:00:00Z,/sale
`)
	for name, wrap := range map[string]func(store.Store) store.Store{
		"in one step": func(s store.Store) store.Store { return s },
		"by Apply":    func(s store.Store) store.Store { return plain{s} },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, catalog.Shop())
			require.NoError(t, csvdir.LoadFS(t.Context(), files, wrap(s), csvdir.Options{Zone: seoul(t)}))
			require.Equal(t, 3, s.Len())
			c1, err := s.Customer(t.Context(), "c1")
			require.NoError(t, err)
			utc := func(text string) catalog.Value {
				at, err := time.Parse(time.RFC3339, text)
				require.NoError(t, err)
				return catalog.TimeValue(at)
			}
			require.Empty(t, cmp.Diff(map[string]catalog.Value{
				"joined": utc("2025-12-31T15:00:00Z"), "email": catalog.StringValue("kim@corp.com"),
				"tags": catalog.SetValue("press", "vip"), "store_credit": catalog.NumberValue(12000),
				"birthday": catalog.DayValue(1990, 2, 28), "billing.city": catalog.StringValue("서울"),
				"newsletter": catalog.BoolValue(true), "points": catalog.NumberValue(-5),
			}, c1.Attributes))
			c2, err := s.Customer(t.Context(), "c2")
			require.NoError(t, err)
			require.Equal(t, "New\nYork", c2.Attributes["billing.city"].Text())
			require.Equal(t, utc("2026-01-01T00:30:00.5Z"), c2.Attributes["joined"])
			g1, err := s.Customer(t.Context(), "g1")
			require.NoError(t, err)
			require.True(t, g1.Guest)
			require.Len(t, g1.Records["visits"], 1)

			items := c1.Records["items"]
			require.Len(t, items, 2)
			require.Equal(t, "0000000001", items[0].Key, "the number of the row where no id is given")
			require.Equal(t, "shoes", items[0].Fields["product.category"].Text(), "from the dimension")
			require.Equal(t, "own", items[1].Fields["product.category"].Text(), "the row's own goes before")
			require.Same(t, c1.Records["all_orders"][0], items[0].Parent)
			require.Equal(t, utc("2026-01-01T15:00:00Z"), items[0].Parent.Fields["placed"])
		})
	}
}

func TestMoneyIsInMajorUnitsOfItsCurrency(t *testing.T) {
	files := folder("-- customers.csv --\nid,store_credit\nc,9.99\n")
	s := open(t, catalog.ShopIn("USD"))
	require.NoError(t, csvdir.LoadFS(t.Context(), files, s, csvdir.Options{}))
	c, err := s.Customer(t.Context(), "c")
	require.NoError(t, err)
	require.EqualValues(t, 999, c.Attributes["store_credit"].Int())

	err = csvdir.LoadFS(t.Context(), files, open(t, catalog.Shop()), csvdir.Options{})
	require.EqualError(t, err, `customers.csv:2:3: store_credit: "9.99" is not a whole number: KRW has no decimals`)
}

// Every folder under testdata is wrong; errors.golden says how it is told.
func TestErrors(t *testing.T) {
	golden := filepath.Join("testdata", "errors.golden")
	var got strings.Builder
	raw, err := os.ReadFile(filepath.Join("testdata", "errors.txt"))
	require.NoError(t, err)
	for part := range strings.SplitSeq(string(raw), "== ") {
		why, text, ok := strings.Cut(part, "\n")
		if !ok {
			continue
		}
		text = strings.NewReplacer(`\xff`, "\xff", `\0`, "\x00").Replace(text)
		c := catalog.Shop()
		for i := range c.Kinds {
			if c.Kinds[i].Name == "logins" {
				c.Kinds[i].Max = 2
			}
		}
		s := open(t, c)
		err := csvdir.LoadFS(t.Context(), folder(text), s, csvdir.Options{})
		require.Error(t, err, why)
		require.IsType(t, csvdir.Errors{}, err, why)
		require.Zero(t, s.Len(), "%s: nothing is loaded", why)
		fmt.Fprintf(&got, "== %s\n%v\n\n", why, err)
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got.String()))
}

func TestManyErrorsAreCutOff(t *testing.T) {
	s := open(t, catalog.Shop())
	err := csvdir.LoadFS(t.Context(), folder("-- customers.csv --\nid,points\n"+strings.Repeat("a,x\n", 1000)), s, csvdir.Options{})
	var errs csvdir.Errors
	require.ErrorAs(t, err, &errs)
	require.Len(t, errs, 20)
}

func TestAnEndedContextLoadsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, catalog.Shop())
	require.ErrorIs(t, csvdir.LoadFS(ctx, folder("-- customers.csv --\nid\na\n"), s, csvdir.Options{}), context.Canceled)
	require.ErrorIs(t, csvdir.Load(t.Context(), filepath.Join(t.TempDir(), "none"), s, csvdir.Options{}), os.ErrNotExist)
	require.Zero(t, s.Len())
}
