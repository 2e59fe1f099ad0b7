// Package messagetest checks that a store keeps the promises of message.Store. A
// host's own store passes it too:
//
//	func TestStore(t *testing.T) {
//		messagetest.Run(t, func(t *testing.T) message.Store { return open(t) })
//	}
package messagetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dangol-dev/dangol/message"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Run runs the suite. open gives an empty store; the suite opens one a case.
func Run(t *testing.T, open func(t *testing.T) message.Store) {
	for _, c := range []struct {
		name, why string
		run       func(*testing.T, message.Store)
	}{
		{"KeepsRows", "a row comes back as it was put, with every kind of text and number", keepsRows},
		{"InsertsOnce", "Insert is how two schedulers make one occurrence: the second is told that it lost", insertsOnce},
		{"AllOrNothing", "a submit that is half on record would be sent twice or never", allOrNothing},
		{"ReadsOwnWrites", "the gate counts what the same transaction has just submitted", readsOwnWrites},
		{"RefusesBadRows", "a value of the wrong kind would come back as another one", refusesBadRows},
		{"ViewDoesNotWrite", "a reader that writes would be outside of the order of transactions", viewDoesNotWrite},
		{"ViewIsOneState", "a report that mixes two states does not add up", viewIsOneState},
		{"SerialisesUpdates", "two workers that both read a free place must not both take it", serialisesUpdates},
		{"Deletes", "what was erased must be in no index, and come back when the transaction fails", deletes},
		{"ManyLikeOneByOne", "a dispatch reads and writes many rows at once, and must see what it would one by one", manyLikeOneByOne},
		{"ScansLikeAModel", "queues, ledgers and pages rely on the order and the bounds of every index", scansLikeAModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("the promise: " + c.why)
				}
			}()
			c.run(t, open(t))
		})
	}
}

// table finds a table with two key columns and an index over a number: the suite
// writes its own values into the service's tables.
func table(name string) *message.Table {
	all := message.Tables()
	return all[slices.IndexFunc(all, func(t *message.Table) bool { return t.Name == name })]
}

// row fills a row with values, the rest with zeroes.
func row(t *message.Table, values map[string]any) message.Row {
	r := make(message.Row, len(t.Columns))
	for i, c := range t.Columns {
		switch v, ok := values[c.Name]; {
		case ok:
			r[i] = v
		case c.Type == message.TextColumn:
			r[i] = ""
		default:
			r[i] = int64(0)
		}
	}
	return r
}

func update(t *testing.T, s message.Store, f func(tx message.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), f))
}

func get(t *testing.T, s message.Store, table *message.Table, key ...any) (r message.Row) {
	t.Helper()
	require.NoError(t, s.View(t.Context(), func(tx message.Tx) (err error) {
		r, err = tx.Get(table, key...)
		return err
	}))
	return r
}

func keepsRows(t *testing.T, s message.Store) {
	tab := table("occurrences")
	texts := []string{"", "광고 🎁", "quote ' and \" and `", "line\nbreak", "100% _under_ \\ ?", "A", "a", "a ", strings.Repeat("긴", 500)}
	numbers := []int64{0, 1, -1, 1<<63 - 1, -1 << 63, 1_790_000_000_000_000}
	for i, text := range texts {
		want := row(tab, map[string]any{"campaign": "c", "occurrence": string(rune('a' + i)), "reason": text, "at": numbers[i%len(numbers)], "due": numbers[(i+1)%len(numbers)]})
		update(t, s, func(tx message.Tx) error { return tx.Put(tab, want) })
		require.Empty(t, cmp.Diff(want, get(t, s, tab, "c", string(rune('a'+i)))))
	}
	for _, id := range []string{"A", "a", "a ", "ä"} {
		update(t, s, func(tx message.Tx) error {
			added, err := tx.Insert(tab, row(tab, map[string]any{"campaign": "keys", "occurrence": id}))
			assert.True(t, added, "keys compare by their bytes: %q", id)
			return err
		})
	}
	require.Nil(t, get(t, s, tab, "c", "nowhere"))
	mine := get(t, s, tab, "c", "a")
	mine[2] = "scribbled"
	require.NotEqual(t, "scribbled", get(t, s, tab, "c", "a")[2], "rows handed out are copies")
}

func insertsOnce(t *testing.T, s message.Store) {
	tab := table("occurrences")
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	for range 8 {
		wg.Go(func() {
			for _, id := range []string{"1", "2", "3"} {
				assert.NoError(t, s.Update(t.Context(), func(tx message.Tx) error {
					added, err := tx.Insert(tab, row(tab, map[string]any{"campaign": "c", "occurrence": id}))
					if added {
						mu.Lock()
						won[id]++
						mu.Unlock()
					}
					return err
				}))
			}
		})
	}
	wg.Wait()
	require.Equal(t, map[string]int{"1": 1, "2": 1, "3": 1}, won)
}

var errStop = errors.New("stop")

func allOrNothing(t *testing.T, s message.Store) {
	tab := table("occurrences")
	old := row(tab, map[string]any{"campaign": "c", "occurrence": "old", "state": "planned", "due": int64(5)})
	update(t, s, func(tx message.Tx) error { return tx.Put(tab, old) })
	err := s.Update(t.Context(), func(tx message.Tx) error {
		changed := slices.Clone(old)
		changed[2] = "running"
		return errors.Join(
			tx.Put(tab, changed),
			tx.Put(tab, row(tab, map[string]any{"campaign": "c", "occurrence": "new"})),
			errStop)
	})
	require.ErrorIs(t, err, errStop, "the caller's own error comes back")
	require.Empty(t, cmp.Diff(old, get(t, s, tab, "c", "old")))
	require.Nil(t, get(t, s, tab, "c", "new"))
	require.NoError(t, s.View(t.Context(), func(tx message.Tx) error {
		rows, err := tx.Scan(tab, message.Range{Index: 1, Equal: []any{"planned"}})
		require.Len(t, rows, 1, "the indexes are rolled back too")
		return err
	}))
	require.Panics(t, func() {
		_ = s.Update(t.Context(), func(tx message.Tx) error {
			_ = tx.Put(tab, row(tab, map[string]any{"campaign": "c", "occurrence": "new"}))
			panic("a bug of the host")
		})
	})
	require.Nil(t, get(t, s, tab, "c", "new"), "a panic rolls back, and the store still works")
}

func deletes(t *testing.T, s message.Store) {
	tab := table("occurrences")
	line := func(id string) message.Row {
		return row(tab, map[string]any{"campaign": "c", "occurrence": id, "state": "planned"})
	}
	planned := func(want ...string) {
		t.Helper()
		require.NoError(t, s.View(t.Context(), func(tx message.Tx) error {
			rows, err := tx.Scan(tab, message.Range{Index: 1, Equal: []any{"planned"}})
			var got []string
			for _, r := range rows {
				got = append(got, r[1].(string))
			}
			require.Equal(t, want, got)
			return err
		}))
	}
	update(t, s, func(tx message.Tx) error { return errors.Join(tx.Put(tab, line("a")), tx.Put(tab, line("b"))) })
	require.ErrorIs(t, s.Update(t.Context(), func(tx message.Tx) error {
		return errors.Join(tx.Delete(tab, "c", "a"), tx.Put(tab, line("new")), tx.Delete(tab, "c", "new"), errStop)
	}), errStop)
	planned("a", "b")
	update(t, s, func(tx message.Tx) error {
		require.NoError(t, tx.Delete(tab, "c", "a"))
		got, err := tx.Get(tab, "c", "a")
		require.Nil(t, got)
		return errors.Join(err, tx.Delete(tab, "c", "nowhere"))
	})
	planned("b")
	update(t, s, func(tx message.Tx) error {
		added, err := tx.Insert(tab, line("a"))
		require.True(t, added, "the key is free again")
		return err
	})
	planned("a", "b")
	require.Error(t, s.Update(t.Context(), func(tx message.Tx) error { return tx.Delete(tab, "c") }), "a key of the wrong length")
}

func manyLikeOneByOne(t *testing.T, s message.Store) {
	tab := table("deliveries")
	hard := []string{"", "NULL", "a,b", "{a}", `"`, `\`, `\"`, "'", "광고 🎁", "line\nbreak", "?", "$1", "a", "A", "a "}
	var all []message.Row
	for i, text := range hard {
		for n := range int64(3) {
			all = append(all, row(tab, map[string]any{"delivery": text + "/" + string(rune('0'+n)), "campaign": "c", "occurrence": "o", "customer": text,
				"address": hard[(i+int(n))%len(hard)], "body": text, "submitted": n - 1, "cost": int64(1)<<62 + n}))
		}
	}
	update(t, s, func(tx message.Tx) error {
		many, ok := tx.(message.Many)
		if !ok {
			t.Skip("the store is not message.Many")
		}
		require.NoError(t, many.PutMany(tab, all[:1]))
		require.NoError(t, many.PutMany(tab, all[1:]))
		for i := range all {
			all[i] = slices.Clone(all[i])
			all[i][len(all[i])-1] = int64(i) // a row that is there is replaced
		}
		return many.PutMany(tab, all)
	})
	require.NoError(t, s.View(t.Context(), func(tx message.Tx) error {
		many := tx.(message.Many)
		require.Error(t, many.PutMany(tab, all), "a reader that writes")
		keys := [][]any{{"nowhere"}, {"a/0"}, {"a/0"}}
		for _, r := range all {
			keys = append(keys, []any{r[0]})
		}
		for n := range len(keys) + 1 {
			got, err := many.GetMany(tab, keys[:n])
			require.NoError(t, err)
			for i, key := range keys[:n] {
				one, err := tx.Get(tab, key...)
				require.NoError(t, err)
				require.Empty(t, cmp.Diff(one, got[i]), "%q", key)
			}
		}
		two := table("suppressions") // a key of two columns, of which either may differ
		for _, keys := range [][][]any{{{"a", "x"}, {"b", "x"}}, {{"a", "x"}, {"a", "y"}}, {{"a", "x"}, {"b", "y"}}, {{"a", "x"}, {"a", "x"}}} {
			got, err := many.GetMany(two, keys)
			require.NoError(t, err)
			require.Len(t, got, len(keys))
		}
		var byAddress, since []message.Range
		for _, text := range append(hard, "nobody") {
			byAddress = append(byAddress, message.Range{Index: 3, Equal: []any{"c", "o", text}})
			since = append(since, message.Range{Index: 1, Equal: []any{text}, From: int64(0), To: int64(1)})
		}
		for _, rs := range [][]message.Range{byAddress, since, byAddress[:1], nil, {byAddress[0], {Index: 3, Equal: []any{"d", "o", "x"}}}} {
			got, err := many.ScanMany(tab, rs)
			require.NoError(t, err)
			require.Len(t, got, len(rs))
			for i, r := range rs {
				one, err := tx.Scan(tab, r)
				require.NoError(t, err)
				require.Equal(t, len(one), len(got[i]))
				for k := range one {
					require.Empty(t, cmp.Diff(one[k], got[i][k]), "%+v", r)
				}
			}
		}
		return nil
	}))
}

func readsOwnWrites(t *testing.T, s message.Store) {
	tab := table("occurrences")
	update(t, s, func(tx message.Tx) error {
		for i, id := range []string{"a", "b"} {
			require.NoError(t, tx.Put(tab, row(tab, map[string]any{"campaign": "c", "occurrence": id, "state": "planned", "due": int64(i)})))
		}
		require.NoError(t, tx.Put(tab, row(tab, map[string]any{"campaign": "c", "occurrence": "a", "state": "running", "due": int64(7)})))
		rows, err := tx.Scan(tab, message.Range{Index: 1, Equal: []any{"planned"}})
		require.Len(t, rows, 1)
		got, err2 := tx.Get(tab, "c", "a")
		require.Equal(t, "running", got[2])
		return errors.Join(err, err2)
	})
}

func refusesBadRows(t *testing.T, s message.Store) {
	tab := table("counters")
	for name, bad := range map[string]message.Row{
		"too short": {"x"}, "text for a number": {"x", "1"}, "number for a text": {int64(1), int64(1)},
		"an int": {"x", 1}, "null": {"x", nil},
	} {
		require.Error(t, s.Update(t.Context(), func(tx message.Tx) error { return tx.Put(tab, bad) }), name)
	}
	require.Error(t, s.View(t.Context(), func(tx message.Tx) error {
		_, err := tx.Get(tab, "x", "y")
		return err
	}), "a key of the wrong length")
}

func viewDoesNotWrite(t *testing.T, s message.Store) {
	tab := table("counters")
	for _, write := range []func(tx message.Tx) error{
		func(tx message.Tx) error { return tx.Put(tab, message.Row{"x", int64(1)}) },
		func(tx message.Tx) error { _, err := tx.Insert(tab, message.Row{"x", int64(1)}); return err },
		func(tx message.Tx) error { return tx.Delete(tab, "x") },
	} {
		require.ErrorIs(t, s.View(t.Context(), write), message.ErrReadOnly)
	}
	require.Nil(t, get(t, s, tab, "x"))
}

func viewIsOneState(t *testing.T, s message.Store) {
	tab := table("counters")
	set := func(n int64) {
		update(t, s, func(tx message.Tx) error {
			return errors.Join(tx.Put(tab, message.Row{"a", n}), tx.Put(tab, message.Row{"b", n}))
		})
	}
	set(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range int64(50) {
			set(n)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		require.NoError(t, s.View(t.Context(), func(tx message.Tx) error {
			a, err := tx.Get(tab, "a")
			if err != nil {
				return err
			}
			b, err := tx.Get(tab, "b")
			require.Equal(t, a[1], b[1])
			return err
		}))
	}
}

func serialisesUpdates(t *testing.T, s message.Store) {
	tab := table("counters")
	const workers, rounds = 6, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				assert.NoError(t, s.Update(t.Context(), func(tx message.Tx) error {
					r, err := tx.Get(tab, "places")
					if err != nil {
						return err
					}
					n := int64(0)
					if r != nil {
						n = r[1].(int64)
					}
					return tx.Put(tab, message.Row{"places", n + 1})
				}))
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(workers*rounds), get(t, s, tab, "places")[1])
}

// scansLikeAModel writes random rows and compares random ranges with a slice.
func scansLikeAModel(t *testing.T, s message.Store) {
	tab := table("recipients")
	model := map[string]message.Row{}
	small := func(rt *rapid.T, name string) string {
		return rapid.SampledFrom([]string{"", "a", "b", "aa", "A", "가", "a\x01", "\U0001F381"}).Draw(rt, name)
	}
	number := func(rt *rapid.T, name string) int64 {
		return rapid.SampledFrom([]int64{-5, 0, 1, 2, 3, 1 << 40}).Draw(rt, name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		var puts []message.Row
		for range rapid.IntRange(0, 12).Draw(rt, "rows") {
			puts = append(puts, row(tab, map[string]any{
				"campaign": rapid.SampledFrom([]string{"c", "d"}).Draw(rt, "campaign"), "occurrence": small(rt, "occurrence"),
				"customer": small(rt, "customer"), "live": int64(rapid.IntRange(0, 1).Draw(rt, "live")), "due": number(rt, "due"),
			}))
		}
		if err := s.Update(t.Context(), func(tx message.Tx) error {
			for _, p := range puts {
				if err := tx.Put(tab, p); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			rt.Fatal(err)
		}
		for _, p := range puts {
			model[p[0].(string)+"\x00"+p[1].(string)+"\x00"+p[2].(string)] = p
		}
		r := message.Range{Index: rapid.IntRange(0, len(tab.Indexes)).Draw(rt, "index"), Desc: rapid.Bool().Draw(rt, "desc"), Limit: rapid.IntRange(0, 5).Draw(rt, "limit")}
		order := tab.Order(r.Index)
		value := func(c int) any {
			if tab.Columns[c].Type == message.TextColumn {
				return small(rt, "value")
			}
			return number(rt, "value")
		}
		for _, c := range order[:rapid.IntRange(0, len(order)-1).Draw(rt, "equal")] {
			if c == 0 {
				r.Equal = append(r.Equal, "c")
			} else {
				r.Equal = append(r.Equal, value(c))
			}
		}
		if next := order[len(r.Equal)]; rapid.Bool().Draw(rt, "bounds") {
			if rapid.Bool().Draw(rt, "from") {
				r.From = value(next)
			}
			if rapid.Bool().Draw(rt, "to") {
				r.To = value(next)
			}
		}
		want := expected(tab, model, r)
		if len(want) > 0 && rapid.Bool().Draw(rt, "after") {
			r.After = rapid.SampledFrom(want).Draw(rt, "last seen")
			want = expected(tab, model, r)
		}
		var got []message.Row
		if err := s.View(t.Context(), func(tx message.Tx) (err error) {
			got, err = tx.Scan(tab, r)
			return err
		}); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("range %+v (want -, got +):\n%s", r, diff)
		}
	})
}

// expected answers a range from a map, slowly.
func expected(tab *message.Table, model map[string]message.Row, r message.Range) (rows []message.Row) {
	order := tab.Order(r.Index)
	compare := func(a, b any) int {
		if s, ok := a.(string); ok {
			return strings.Compare(s, b.(string))
		}
		switch x, y := a.(int64), b.(int64); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	position := func(a, b message.Row) int {
		for _, c := range order {
			if d := compare(a[c], b[c]); d != 0 {
				if r.Desc {
					return -d
				}
				return d
			}
		}
		return 0
	}
	for _, row := range model {
		in := true
		for i, v := range r.Equal {
			in = in && row[order[i]] == v
		}
		if in && r.From != nil {
			in = compare(row[order[len(r.Equal)]], r.From) >= 0
		}
		if in && r.To != nil {
			in = compare(row[order[len(r.Equal)]], r.To) < 0
		}
		if in && r.After != nil {
			in = position(row, r.After) > 0
		}
		if in {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, position)
	if r.Limit > 0 && len(rows) > r.Limit {
		rows = rows[:r.Limit]
	}
	return rows
}
