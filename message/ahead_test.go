package message

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A transaction that read ahead and keeps its writes answers as one that does neither,
// whatever is read, written and read again, and leaves the same behind.
func TestAheadIsTheTransactionItself(t *testing.T) {
	small := rapid.SampledFrom([]string{"a", "b", "c"})
	rapid.Check(t, func(rt *rapid.T) {
		delivery := func(label string) Row {
			d := Delivery{Key: small.Draw(rt, label+" key") + small.Draw(rt, label+" key 2"), Campaign: "c", Occurrence: "o",
				Address: small.Draw(rt, label+" address"), Text: fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, label+" text"))}
			d.Customer = "k" + d.Customer
			d.Submitted = fromMicros(int64(rapid.IntRange(1, 4).Draw(rt, label+" submitted")))
			return encodeRow(&d)
		}
		ranges := func(label string) (rs []Range) {
			index := rapid.SampledFrom([]int{1, 3}).Draw(rt, label+" index")
			for range rapid.IntRange(1, 3).Draw(rt, label+" ranges") {
				r := Range{Index: index, Equal: []any{"c", "o", small.Draw(rt, label+" equal")}}
				if index == 1 {
					r = Range{Index: 1, Equal: []any{"k"}, From: int64(2)}
				}
				rs = append(rs, r)
			}
			return rs
		}
		var plain, kept MemoryStore
		start := rapid.SliceOfN(rapid.Custom(func(*rapid.T) Row { return delivery("first") }), 0, 8).Draw(rt, "start")
		for _, s := range []*MemoryStore{&plain, &kept} {
			require.NoError(rt, s.Update(t.Context(), func(tx Tx) error { return tx.(Many).PutMany(deliveryTable, start) }))
		}
		type step struct {
			kind string
			row  Row
			rs   []Range
		}
		var steps []step
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			label := fmt.Sprint(i)
			steps = append(steps, step{rapid.SampledFrom([]string{"know", "know rows", "put", "insert", "delete", "get", "scan", "page"}).Draw(rt, label), delivery(label), ranges(label)})
		}
		run := func(tx Tx, know *ahead) (out []any) {
			for _, s := range steps {
				switch s.kind {
				case "know":
					if know != nil {
						require.NoError(rt, know.flush()) // what is read ahead is read before writes
						require.NoError(rt, know.readRanges(deliveryTable, s.rs))
					}
				case "know rows":
					if know != nil {
						require.NoError(rt, know.flush())
						require.NoError(rt, know.readRows(deliveryTable, [][]any{{s.row[0]}, {"nowhere"}}))
					}
				case "put":
					require.NoError(rt, tx.Put(deliveryTable, s.row))
				case "insert":
					added, err := tx.Insert(deliveryTable, s.row)
					require.NoError(rt, err)
					out = append(out, added)
				case "delete":
					require.NoError(rt, tx.Delete(deliveryTable, s.row[0]))
				case "get":
					row, err := tx.Get(deliveryTable, s.row[0])
					require.NoError(rt, err)
					out = append(out, row)
				case "scan", "page":
					for _, r := range s.rs {
						if s.kind == "page" {
							r.Limit = 2
						}
						rows, err := tx.Scan(deliveryTable, r)
						require.NoError(rt, err)
						out = append(out, slices.Clip(append([]Row{}, rows...)))
					}
				}
			}
			return out
		}
		var want, got []any
		require.NoError(rt, plain.Update(t.Context(), func(tx Tx) error {
			want = run(tx, nil)
			return nil
		}))
		require.NoError(rt, kept.Update(t.Context(), func(tx Tx) error {
			a := newAhead(tx)
			got = run(a, a)
			return a.flush()
		}))
		require.Empty(rt, cmp.Diff(want, got))
		all := func(s *MemoryStore) (rows []Row) {
			require.NoError(rt, s.View(t.Context(), func(tx Tx) (err error) {
				rows, err = tx.Scan(deliveryTable, Range{})
				return err
			}))
			return rows
		}
		require.Empty(rt, cmp.Diff(all(&plain), all(&kept)))
	})
}
