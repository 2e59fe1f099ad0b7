package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/internal/sample"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

type fields = map[string]catalog.Value

func number(n int64) catalog.Value { return catalog.NumberValue(n) }

// A catalog that grows finds its tables grown, with what was there; one that takes
// the same integers for something else is refused.
func TestTablesFollowTheCatalog(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "shop.db")
	old := customers(t, path, catalog.Shop(), sqlstore.Options{})
	require.NoError(t, old.Apply(ctx,
		store.Change{Customer: "a", Fields: fields{"points": number(5), "tags": catalog.SetValue("vip")}},
		store.Change{Kind: "products", Key: "p", Fields: fields{"category": catalog.StringValue("shoes")}},
		store.Change{Customer: "a", Kind: "trials", Key: "t", Fields: fields{"product": catalog.StringValue("p")}}))

	grown := catalog.Shop()
	grown.Attributes = append(grown.Attributes,
		catalog.Attribute{Name: "tier", Type: catalog.Type{Sort: catalog.String}},
		catalog.Attribute{Name: "likes", Type: catalog.Type{Sort: catalog.Set}})
	for i := range grown.Kinds {
		if grown.Kinds[i].Name == "trials" {
			grown.Kinds[i].Dimensions = map[string]string{"product": "products"}
		}
	}
	grown.Kinds = append(grown.Kinds, catalog.Kind{Name: "repairs", Time: "at", Parent: "trials", ParentField: "trial",
		Fields: []catalog.Field{{Name: "at", Type: catalog.Type{Sort: catalog.Instant}}}})
	now := customers(t, path, grown, sqlstore.Options{})
	require.NoError(t, now.Apply(ctx,
		store.Change{Op: store.Set, Customer: "a", Fields: fields{"tier": catalog.StringValue("gold"), "likes": catalog.SetValue("x", "y")}},
		store.Change{Customer: "a", Kind: "repairs", Key: "r", Parent: "t"}))
	c, err := now.Customer(ctx, "a")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(`customer "a"
  likes = {x|y}
  points = 5
  tags = {vip}
  tier = "gold"
  repairs "r" of "t"
  trials "t"
    product = "p"
    product.category = "shoes"
`, storetest.Dump(c)))
	c, err = old.Customer(ctx, "a")
	require.NoError(t, err, "a process with the catalog from before goes on")
	require.Len(t, c.Attributes, 2)

	changed := catalog.Shop()
	for i := range changed.Attributes {
		if changed.Attributes[i].Name == "points" {
			changed.Attributes[i].Type.Scale = 2
		}
	}
	_, err = sqlstore.Open(ctx, open(t, path), sqlstore.SQLite, changed, sqlstore.Options{})
	require.ErrorIs(t, err, sqlstore.ErrCatalogChanged)
	require.ErrorContains(t, err, "points of customers is number 0 in the tables, number 2 in the catalog")
	_, err = sqlstore.Open(ctx, open(t, path), sqlstore.SQLite, catalog.ShopIn("USD"), sqlstore.Options{})
	require.ErrorIs(t, err, sqlstore.ErrCatalogChanged)
	usd := customers(t, path, catalog.ShopIn("USD"), sqlstore.Options{Prefix: "usd_"})
	_, err = usd.Customer(ctx, "a")
	require.ErrorIs(t, err, store.ErrNotFound, "another prefix is another shop")
}

func TestOpenRefuses(t *testing.T) {
	ctx, db := t.Context(), open(t, filepath.Join(t.TempDir(), "x.db"))
	_, err := sqlstore.Open(ctx, db, sqlstore.ClickHouse, catalog.Shop(), sqlstore.Options{})
	require.ErrorIs(t, err, sqlstore.ErrDialect)
	_, err = sqlstore.Open(ctx, db, sqlstore.SQLite, catalog.Shop(), sqlstore.Options{Prefix: `x"; DROP`})
	require.ErrorContains(t, err, "prefix")
	for _, name := range []string{"id", "_guest", "_bucket", "Points"} {
		c := catalog.Shop()
		c.Attributes = append(c.Attributes, catalog.Attribute{Name: name, Type: catalog.Type{Sort: catalog.String}})
		_, err = sqlstore.Open(ctx, db, sqlstore.SQLite, c, sqlstore.Options{})
		require.ErrorContains(t, err, "second column")
	}
	c := catalog.Shop()
	c.Attributes = append(c.Attributes, catalog.Attribute{Name: strings.Repeat("단골", 11), Type: catalog.Type{Sort: catalog.String}})
	_, err = sqlstore.Open(ctx, db, sqlstore.Postgres, c, sqlstore.Options{})
	require.ErrorContains(t, err, "longer than the 63 bytes")
	var n int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM sqlite_master").Scan(&n))
	require.Zero(t, n, "nothing is made for a catalog that cannot be kept")
}

func TestManyOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	var all sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		db := open(t, path)
		all.Go(func() {
			s, err := sqlstore.Open(context.Background(), db, sqlstore.SQLite, catalog.Shop(), sqlstore.Options{})
			if err == nil {
				err = s.Apply(context.Background(), store.Change{Customer: dangol.CustomerID(fmt.Sprint(i))})
			}
			errs[i] = err
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestBucketsAreStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	s := customers(t, path, catalog.Shop(), sqlstore.Options{})
	for _, id := range []dangol.CustomerID{"a", "é", "c0000001"} {
		require.NoError(t, s.Apply(t.Context(), store.Change{Customer: id}))
		var bucket int64
		require.NoError(t, open(t, path).QueryRow("SELECT _bucket FROM dangol_customers WHERE id = ?", string(id)).Scan(&bucket))
		require.EqualValues(t, sample.Bucket(string(id)), bucket)
	}
}

// An error of a visit, an ended context in the middle of reading: the pool goes on.
func TestReadingCanStop(t *testing.T) {
	s := customers(t, filepath.Join(t.TempDir(), "shop.db"), catalog.Shop(), sqlstore.Options{Batch: 2})
	for i := range 9 {
		require.NoError(t, s.Apply(t.Context(), store.Change{Customer: dangol.CustomerID(fmt.Sprint(i))}))
	}
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		visits := 0
		err := s.Each(ctx, func(*eval.Customer) error {
			if visits++; visits == 3 {
				cancel()
			}
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, visits, 9)
	}
	_, err := s.Customer(t.Context(), "1")
	require.NoError(t, err)
}

// A database that is gone is an error, and no panic.
func TestAClosedDatabase(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	s, err := sqlstore.Open(t.Context(), db, sqlstore.SQLite, catalog.Shop(), sqlstore.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.Error(t, s.Apply(t.Context(), store.Change{Customer: "a"}))
	_, err = s.Customer(t.Context(), "a")
	require.Error(t, err)
	_, err = s.Select(t.Context(), store.Query{})
	require.Error(t, err)
}

const shopOfVictim = "DANGOL_TEST_SHOP"

// The process that TestKilled kills: it gives every customer and their records the
// next number, all in one Apply, for ever.
func TestVictim(t *testing.T) {
	path := os.Getenv(shopOfVictim)
	if path == "" {
		t.Skip("run by TestKilled")
	}
	s := customers(t, path, catalog.Shop(), sqlstore.Options{})
	for n := int64(1); ; n++ {
		require.NoError(t, s.Apply(t.Context(), generation(n)...))
	}
}

func generation(n int64) []store.Change {
	var out []store.Change
	for i := range 20 {
		id := dangol.CustomerID(fmt.Sprintf("c%d", i))
		out = append(out, store.Change{Customer: id, Fields: fields{"points": number(n), "tags": catalog.SetValue(fmt.Sprint(n))}},
			store.Change{Customer: id, Kind: "all_orders", Key: string(id), Fields: fields{"total": number(n)}},
			store.Change{Customer: id, Kind: "items", Key: string(id), Parent: string(id), Fields: fields{"amount": number(n)}})
	}
	return append(out, store.Change{Kind: "products", Key: "p", Fields: fields{"price": number(n)}})
}

// Killed at any moment, the database holds one generation whole, and grows on.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	customers(t, path, catalog.Shop(), sqlstore.Options{})
	last := int64(0)
	for round := range 6 {
		victim := exec.Command(os.Args[0], "-test.run=^TestVictim$")
		victim.Env = append(os.Environ(), shopOfVictim+"="+path)
		require.NoError(t, victim.Start())
		s := customers(t, path, catalog.Shop(), sqlstore.Options{})
		require.Eventually(t, func() bool { return oneGeneration(t, s) > last }, 30*time.Second, time.Millisecond)
		time.Sleep(time.Duration(round*7) * time.Millisecond)
		require.NoError(t, victim.Process.Kill())
		_ = victim.Wait() // it was killed
		after := oneGeneration(t, customers(t, path, catalog.Shop(), sqlstore.Options{}))
		require.Greater(t, after, last)
		last = after
	}
}

// oneGeneration is the number that everybody has; differing ones fail the test.
func oneGeneration(t *testing.T, s *sqlstore.Store) int64 {
	t.Helper()
	numbers := map[int64]bool{}
	err := s.Each(t.Context(), func(c *eval.Customer) error {
		numbers[c.Attributes["points"].Int()] = true
		numbers[c.Records["all_orders"][0].Fields["total"].Int()] = true
		numbers[c.Records["items"][0].Fields["amount"].Int()] = true
		if want := fmt.Sprint(c.Attributes["points"].Int()); c.Attributes["tags"].Items()[0] != want {
			return fmt.Errorf("customer %s has the tags %v, want %s", c.ID, c.Attributes["tags"], want)
		}
		return nil
	})
	require.NoError(t, err)
	require.LessOrEqual(t, len(numbers), 1)
	for n := range numbers {
		return n
	}
	return 0
}

// A full disk is an error that says so; the data is as before, and the same call
// succeeds once there is room.
func TestAFullDisk(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "shop.db")
	db := open(t, path)
	s, err := sqlstore.Open(ctx, db, sqlstore.SQLite, catalog.Shop(), sqlstore.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Apply(ctx, generation(1)...))
	var pages int
	require.NoError(t, db.QueryRow("PRAGMA page_count").Scan(&pages))
	limit := func(n int) {
		var now int
		require.NoError(t, db.QueryRow(fmt.Sprintf("PRAGMA max_page_count = %d", n)).Scan(&now))
	}
	var many []store.Change
	for i := range 2000 {
		many = append(many, store.Change{Customer: "c0", Kind: "visits", Key: fmt.Sprint(i), Fields: fields{"page": catalog.StringValue("/a long page, to fill the disk with")}})
	}
	limit(pages + 5)
	err = s.Apply(ctx, append(generation(2), many...)...)
	require.ErrorContains(t, err, "full")
	require.EqualValues(t, 1, oneGeneration(t, s))
	limit(1 << 30)
	require.NoError(t, s.Apply(ctx, append(generation(2), many...)...))
	require.EqualValues(t, 2, oneGeneration(t, s))
}

// While another process writes, an Apply waits; when that takes too long it is
// ErrBusy, and nothing was written.
func TestALockThatStays(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "shop.db")
	customers(t, path, catalog.Shop(), sqlstore.Options{})
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(1)")
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	holder := open(t, path)
	s, err := sqlstore.Open(ctx, db, sqlstore.SQLite, catalog.Shop(), sqlstore.Options{})
	require.NoError(t, err)
	tx, err := holder.Begin()
	require.NoError(t, err)
	require.ErrorIs(t, s.Apply(ctx, store.Change{Customer: "a"}), sqlstore.ErrBusy)
	_, err = s.Customer(ctx, "a")
	require.ErrorIs(t, err, store.ErrNotFound, "who only reads does not wait")
	_, err = s.Select(ctx, store.Query{})
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	require.NoError(t, s.Apply(ctx, store.Change{Customer: "a"}))
}
