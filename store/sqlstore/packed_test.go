package sqlstore

import (
	"database/sql"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What PostgreSQL and ClickHouse write of a column of integers is read back, whatever
// drivers make of a text.
func TestPackedColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []sql.NullInt64
		var items []string
		array := rapid.Bool().Draw(t, "array")
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			n := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-20, 20),
				rapid.SampledFrom([]int64{0, 999_999_999_999_999_999, 1e18, math.MaxInt64, math.MinInt64, math.MinInt64 + 1})).Draw(t, "item")
			if !array && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
				want, items = append(want, sql.NullInt64{}), append(items, "")
				continue
			}
			want, items = append(want, sql.NullInt64{Int64: n, Valid: true}), append(items, strconv.FormatInt(n, 10))
		}
		text := strings.Join(items, ",")
		if array {
			text = "[" + text + "]"
		}
		for _, cell := range []any{text, []byte(text)} {
			var got []sql.NullInt64
			c := packedColumn{cell: cell, array: array}
			require.NoError(t, c.open())
			for c.more {
				n, err := c.next()
				require.NoError(t, err)
				got = append(got, n)
			}
			require.Empty(t, cmp.Diff(want, got), text)
		}
	})
	for _, none := range []packedColumn{{}, {cell: "[]", array: true}} {
		require.NoError(t, none.open())
		require.False(t, none.more)
		require.Zero(t, none.items())
	}
}

// An answer in one row is taken where it is whole, and nothing of it is where it may have
// been cut off: then another statement is asked.
func TestAnswersInOneRow(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	r := &reader{q: db, dialect: SQLite}
	ask := func(row string, most int, packed string, kept *texts) (got [][2]int64, err error) {
		st := sqlgen.Statement{SQL: "SELECT 1, 10 UNION ALL SELECT 2, 20", Numbers: true, Packed: packed,
			InOne: sqlgen.InOne{SQL: "SELECT * FROM (SELECT ? AS ids, ? AS numbers) WHERE ids <> ''", Most: most}}
		ids, numbers, _ := strings.Cut(row, " ")
		st.InOne.Args = []any{ids, numbers}
		rest, err := r.answers(t.Context(), st, 1, 1, kept, func(id rowID, v []sql.NullInt64) error {
			got = append(got, [2]int64{id.number, v[0].Int64})
			return nil
		})
		if err == nil {
			err = rest()
		}
		return got, err
	}
	const packed = "SELECT '[3,4]', '[30,40]' UNION ALL SELECT '[5]', '[50]'"
	ofSQL, ofPacked := [][2]int64{{1, 10}, {2, 20}}, [][2]int64{{3, 30}, {4, 40}, {5, 50}}
	for _, c := range []struct {
		row    string
		most   int
		packed string
		want   [][2]int64
	}{
		{"[7,-8] [70,80]", 3, "", [][2]int64{{7, 70}, {-8, 80}}},
		{"[7,-8] [70,80]", 2, "", ofSQL},
		{"[7,-8] [70,80]", 2, packed, ofPacked},
		{"[7,-8] [70,80]", 1, packed, ofPacked},
		{"", 3, "", ofSQL},
		{"", 3, packed, ofPacked},
		{"[] []", 3, packed, nil},
		{"[7] [70]", 3, packed, [][2]int64{{7, 70}}},
	} {
		got, err := ask(c.row, c.most, c.packed, &texts{})
		require.NoError(t, err, c.row)
		require.Equal(t, c.want, got, "%s, at most %d", c.row, c.most)
		got, err = ask(c.row, c.most, c.packed, nil)
		require.NoError(t, err)
		require.Equal(t, ofSQL, got, "where nobody keeps the ids, rows come one by one")
	}
	_, err = ask("[7,8] [70]", 3, "", &texts{})
	require.ErrorIs(t, err, errNoNumber)
	_, err = ask("{7} [70]", 3, "", &texts{})
	require.ErrorIs(t, err, errPacked)
}

// A mask, or the value of a rank that is the whole rule, is never taken for zero where the
// database has none; the value of a rank beside others may be missing.
func TestNumbersOfAnAnswer(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, kept := range []*texts{nil, {}} {
		r := &reader{q: db, dialect: SQLite}
		ask := func(row string) (values []sql.NullInt64, err error) {
			rest, err := r.answers(t.Context(), sqlgen.Statement{SQL: "SELECT " + row, Numbers: true}, 1, 2, kept, func(id rowID, v []sql.NullInt64) error {
				require.Equal(t, rowID{number: 7}, id)
				values = append(values, v...)
				return nil
			})
			if err == nil {
				err = rest()
			}
			return values, err
		}
		got, err := ask("7, 0, NULL")
		require.NoError(t, err)
		require.Empty(t, cmp.Diff([]sql.NullInt64{{Valid: true}, {}}, got))
		_, err = ask("7, NULL, 1")
		require.ErrorIs(t, err, errNoNumber)
	}
}

// What is no such column is an error, not other customers.
func TestNoPackedColumns(t *testing.T) {
	require.ErrorIs(t, (&packedColumn{cell: 7}).open(), errPacked)
	for _, text := range []string{"", "1", "[", "]", "[1", "1]", "{1}"} {
		require.ErrorIs(t, (&packedColumn{cell: text, array: true}).open(), errPacked, text)
	}
	for _, text := range []string{"a", "1a", "1 ", "-", "{1}", "null", "1,NULL", "9223372036854775808", "1,,2.5"} {
		c := packedColumn{cell: text}
		require.NoError(t, c.open())
		var err error
		for c.more && err == nil {
			_, err = c.next()
		}
		require.ErrorIs(t, err, errPacked, text)
	}
}
