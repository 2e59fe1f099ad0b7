package csvdir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// spelt is a store that takes columns by turning them into changes: what columns
// mean.
type spelt struct {
	*memstore.Store
	took bool
}

func (s *spelt) LoadColumns(ctx context.Context, in store.Columns) error {
	schema, err := store.NewSchema(s.Catalog())
	if err != nil {
		return err
	}
	if in, err = schema.CheckColumns(in); err != nil {
		return err
	}
	var changes []store.Change
	for i, id := range in.IDs {
		changes = append(changes, store.Change{Customer: id, Guest: in.Guests != nil && in.Guests[i], Fields: fieldsOf(schema.Customers, in.Attributes, i)})
	}
	keys := map[string][]string{}
	for _, t := range schema.Tables()[1:] {
		for _, r := range in.Rows {
			if r.Kind != t.Kind {
				continue
			}
			keys[r.Kind] = r.Keys
			for i := range max(len(r.Keys), len(r.Numbers)) {
				c := store.Change{Kind: r.Kind, Fields: fieldsOf(t, r.Fields, i)}
				if r.Keys == nil {
					keys[r.Kind] = append(keys[r.Kind], fmt.Sprintf("%0*d", r.Digits, r.Numbers[i]))
				}
				c.Key = keys[r.Kind][i]
				if !t.Dimension {
					c.Customer = in.IDs[r.Customer[i]]
				}
				if r.Parent != nil {
					c.Parent = keys[t.Parent.Kind][r.Parent[i]-1]
				}
				changes = append(changes, c)
			}
		}
	}
	s.took = len(in.IDs)+len(in.Rows) > 0
	return s.Apply(ctx, changes...)
}

func fieldsOf(t *store.Table, columns map[string]catalog.Column, i int) map[string]catalog.Value {
	out := map[string]catalog.Value{}
	for name, c := range columns {
		col, err := t.Column(name)
		switch {
		case err != nil:
			panic(err)
		case c.Missing != nil && c.Missing[i]:
		case c.Sets != nil:
			out[name] = catalog.SetValue(c.Sets[c.Codes[i]]...)
		case c.Codes != nil:
			out[name] = catalog.StringValue(c.Dictionary[c.Codes[i]])
		case col.Type.Sort == catalog.Bool:
			out[name] = catalog.BoolValue(c.Ints[i] == 1)
		case col.Type.Sort == catalog.Instant:
			out[name] = catalog.InstantValue(c.Ints[i])
		case col.Type.Sort == catalog.Date:
			out[name] = catalog.DateValue(c.Ints[i])
		default:
			out[name] = catalog.NumberValue(c.Ints[i])
		}
	}
	return out
}

// rowwise keeps from csvdir that the store takes columns.
type rowwise struct{ store.Store }

// requireSameLoad loads a folder by columns and row by row, and tells whether
// columns were taken.
func requireSameLoad(t *testing.T, c *catalog.Catalog, files fstest.MapFS, zone *time.Location) (byColumns bool) {
	t.Helper()
	open := func() *memstore.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		return s
	}
	fast, slow := &spelt{Store: open()}, open()
	got := LoadFS(t.Context(), files, fast, Options{Zone: zone})
	want := LoadFS(t.Context(), files, rowwise{slow}, Options{Zone: zone})
	if want != nil {
		require.EqualError(t, got, want.Error())
		require.Zero(t, fast.Len())
		return false
	}
	require.NoError(t, got)
	require.Empty(t, cmp.Diff(dump(t, slow), dump(t, fast.Store), cmp.Comparer(catalog.Value.Equal)))
	return fast.took
}

func dump(t *testing.T, s *memstore.Store) []*eval.Customer {
	var out []*eval.Customer
	require.NoError(t, s.Each(t.Context(), func(c *eval.Customer) error {
		out = append(out, c)
		return nil
	}))
	return out
}

// What is written in any way that columns can read is what it is row by row.
func TestColumnsSayWhatRowsSay(t *testing.T) {
	seoul, err := time.LoadLocation("Asia/Seoul")
	require.NoError(t, err)
	santiago, err := time.LoadLocation("America/Santiago") // days there start at one o'clock now and then
	require.NoError(t, err)
	head := "id,joined,guest,email,tags,store_credit,birthday,billing.city,newsletter,points\n"
	for _, tc := range []struct {
		why, text string
		rowwise   bool // a folder that columns leave to rows
	}{
		{why: "all sorts", text: "-- customers.csv --\n" + head +
			"c1,2026-01-01,,Kim@Corp.com,vip|press|vip,12000,1990-02-28,서울,true,-5\n" +
			"c2,2026-01-01T09:30:00.5+09:00,false,,,,,\"New\r\nYork\",false,\n" +
			"c3,2024-02-29T23:59:59.123456789Z,false,a@b,x,0,2000-02-29,\"a \"\"b\"\"\",true,7\r\n\r\n\n" +
			"g1,,true,,,,,,,\n" +
			"-- orders.csv --\nid,customer,placed,status,total\n7,c1,2026-01-02,confirmed,10\n10,c2,1969-12-31T23:59:59.5-03:30,cancelled,-3\n" +
			"-- items.csv --\norder,product,amount,category\n7,p1,10,\n7,p2,0,own\n10,p3,5,\n10,,5,\n" +
			"-- products.csv --\nid,category,price\np1,shoes,5\np2,hats,6\n" +
			"-- visits.csv --\ncustomer,at,page\nc1,2026-01-03T00:00:00Z,/\ng1,2026-01-03T00:00:00Z,/sale"},
		{why: "days that start late", text: "-- customers.csv --\nid,joined\na,2022-09-11\nb,2023-09-03\nc,1970-01-01\nd,1970-01-01\n"},
		{why: "keys that are composed", text: "-- customers.csv --\nid\nka\u0301\n-- orders.csv --\nid,customer\ne\u0301,ka\u0301\n-- items.csv --\nid,order\n1,\u00e9\n"},
		{why: "unusual times", text: "-- customers.csv --\nid,joined\na,2026-01-01T00:00:00.1234567890Z\nb,\"2026-01-01T00:00:00,5Z\"\n"},
		{why: "no rows", text: "-- customers.csv --\nid,joined\n-- orders.csv --\nid,customer\n"},
		{why: "a key twice", text: "-- customers.csv --\nid\na\n-- visits.csv --\nid,customer\n1,a\n1,a\n", rowwise: true},
		{why: "a parent of another", text: "-- customers.csv --\nid\na\n-- items.csv --\nid,order\n1,7\n", rowwise: true},
		{why: "beyond a bound", text: "-- customers.csv --\nid,points\na,9000000000000000000\n", rowwise: true},
		{why: "a day too many", text: "-- customers.csv --\nid,birthday\na,2025-02-29\n", rowwise: true},
		{why: "no UTF-8", text: "-- customers.csv --\nid,email\na,\xff\n", rowwise: true},
		{why: "an empty item", text: "-- customers.csv --\nid,tags\na,x||y\n", rowwise: true},
	} {
		for _, zone := range []*time.Location{time.UTC, seoul, santiago} {
			require.Equal(t, !tc.rowwise, requireSameLoad(t, catalog.Shop(), parts(tc.text), zone), tc.why)
		}
	}
	required := catalog.Shop()
	for i := range required.Attributes {
		if required.Attributes[i].Name == "email" {
			required.Attributes[i].Required = true
		}
	}
	require.True(t, requireSameLoad(t, required, parts("-- customers.csv --\nid,email,guest\na,x@y,\nb,,true\n"), time.UTC))
	require.False(t, requireSameLoad(t, required, parts("-- customers.csv --\nid,email\na,x@y\nb,\n"), time.UTC))
	few := catalog.Shop()
	for i := range few.Kinds {
		few.Kinds[i].Max = 2
	}
	require.True(t, requireSameLoad(t, few, parts("-- customers.csv --\nid\na\n-- visits.csv --\ncustomer\na\na\n"), time.UTC))
	require.False(t, requireSameLoad(t, few, parts("-- customers.csv --\nid\na\n-- visits.csv --\ncustomer\na\na\na\n"), time.UTC))
}

// Folders with errors are told the same by either way.
func TestErrorsAreThoseOfRows(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "errors.txt"))
	require.NoError(t, err)
	for part := range strings.SplitSeq(string(raw), "== ") {
		if _, text, ok := strings.Cut(part, "\n"); ok {
			text = strings.NewReplacer(`\xff`, "\xff", `\0`, "\x00").Replace(text)
			requireSameLoad(t, catalog.Shop(), parts(text), time.UTC)
		}
	}
}

func parts(text string) fstest.MapFS {
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

// The scanner gives the rows of reader, or leaves the file to it, however the file
// falls into pieces.
func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = 4 + max(size, -size)%64
		in := newScanner(strings.NewReader(text), size)
		var got [][]string
		for {
			cells, err := in.row()
			if err == io.EOF {
				break
			}
			if errors.Is(err, errOdd) {
				return
			}
			require.NoError(t, err)
			row := []string{}
			for _, c := range cells {
				row = append(row, string(c))
			}
			got = append(got, row)
		}
		want, err := readAll("\n" + text) // so that a mark is text
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	})
}
