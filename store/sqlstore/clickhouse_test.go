package sqlstore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// read is what ClickHouse makes of a literal of text: the value, and where it ends.
func read(t *rapid.T, sql string) (value string, end int) {
	require.True(t, strings.HasPrefix(sql, "'"))
	var b strings.Builder
	for i := 1; i < len(sql); i++ {
		switch c := sql[i]; {
		case c == '\\' && sql[i+1] == '0':
			i++
			b.WriteByte(0)
		case c == '\\':
			i++
			b.WriteByte(sql[i])
		case c == '\'' && i+1 < len(sql) && sql[i+1] == '\'':
			i++
			b.WriteByte('\'')
		case c == '\'':
			return b.String(), i + 1
		default:
			b.WriteByte(c)
		}
	}
	t.Fatalf("not closed: %q", sql)
	return "", 0
}

// Every text reads back as itself from a literal that ends where it was meant to.
func TestLiteralsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.OneOf(rapid.SampledFrom([]byte("\\'\"`?\x000n-")), rapid.Byte())
		want := string(rapid.SliceOf(bytes).Draw(t, "text"))
		after := rapid.SampledFrom([]string{"", " AND 1", ", 'x'", "'"}).Draw(t, "after")
		got, err := withLiterals("?"+strings.ReplaceAll(after, "'", "`"), []any{want})
		require.NoError(t, err)
		value, end := read(t, got)
		require.Equal(t, want, value)
		require.Equal(t, strings.ReplaceAll(after, "'", "`"), got[end:])
	})
}

func TestLiteralsStandForPlaceholders(t *testing.T) {
	for _, c := range []struct {
		query string
		args  []any
		want  string
	}{
		{"a = ? AND b < ?", []any{"it's", int64(-5)}, `a = 'it\'s' AND b < -5`},
		{"a = '?' AND `?` = ? AND \"?\" = 'it''s ?'", []any{int64(1)}, "a = '?' AND `?` = 1 AND \"?\" = 'it''s ?'"},
		{`a = '\'?' AND b = ?`, []any{`\'`}, `a = '\'?' AND b = '\\\''`},
		{"`a\\`?` = ?", []any{"?"}, "`a\\`?` = '?'"},
	} {
		got, err := withLiterals(c.query, c.args)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, c := range []struct {
		query string
		args  []any
	}{{"?", nil}, {"? ?", []any{int64(1)}}, {"1", []any{int64(1)}}, {"?", []any{1.5}}, {"?", []any{nil}}, {"?", []any{[]byte("x")}}} {
		_, err := withLiterals(c.query, c.args)
		require.ErrorIs(t, err, errLiteral, "%s %v", c.query, c.args)
	}
}
