package source_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/dsl/source"
)

// spanOf is the span of the first occurrence of part in text.
func spanOf(t *testing.T, text, part string) source.Span {
	t.Helper()
	i := strings.Index(text, part)
	require.GreaterOrEqual(t, i, 0, part)
	return source.Span{Start: i, End: i + len(part)}
}

func TestRender(t *testing.T) {
	for _, c := range []struct{ name, text, mark, want string }{
		{
			name: "plain",
			text: "joined within 7d and not order(7d) >= 1", mark: "order",
			want: `
  joined within 7d and not order(7d) >= 1
                           ^^^^^
`,
		},
		{
			name: "below Hangul", // two cells a syllable
			text: `city = "서울" and 등급 = "단골"`, mark: "등급",
			want: `
  city = "서울" and 등급 = "단골"
                    ^^^^
`,
		},
		{
			name: "decomposed Hangul is as wide as composed",
			text: "city = \"\u1109\u1165\u110b\u116e\u11af\" and x", mark: "x",
			want: "\n  city = \"\u1109\u1165\u110b\u116e\u11af\" and x\n" +
				"                    ^\n",
		},
		{
			name: "full width and emoji",
			text: `name = "ＡＢ👍🏽👨‍👩‍👧❤️é" and x`, mark: "x",
			want: `
  name = "ＡＢ👍🏽👨‍👩‍👧❤️é" and x
                           ^
`,
		},
		{
			name: "tabs are shown as four cells, indentation is cut off",
			text: "orders and\n\t\tcity\t= 'x'\r\nand y", mark: "=",
			want: `
  city    = 'x'
          ^
`,
		},
		{
			name: "a span over lines is marked on its first",
			text: "(orders\nor logins", mark: "orders\nor",
			want: `
  (orders
   ^^^^^^
`,
		},
		{
			name: "what disturbs a terminal is replaced",
			text: "a = \"\x1b[31m\u202Eb\xff\" or x", mark: "x",
			want: "\n  a = \"\uFFFD[31m\uFFFDb\uFFFD\" or x\n" +
				"                    ^\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := source.Render("f", c.text, source.Diagnostics{{Code: "c", Span: spanOf(t, c.text, c.mark), Message: "m"}})
			_, got, _ = strings.Cut(got, "m")
			require.Empty(t, cmp.Diff(c.want, got))
		})
	}
}

func TestRenderHeader(t *testing.T) {
	text := "orders\nand 도시"
	got := source.Render("groups.yaml", text, source.Diagnostics{
		{Code: "unknown-name", Span: spanOf(t, text, "도시"), Message: `no attribute or record is called "도시"`, Hint: "did you mean city?"},
		{Code: "always-true", Severity: source.Warning, Span: source.Span{Start: len(text), End: len(text)}, Message: "this always holds"},
		{Code: "too-long", Message: "a rule has at most 10 bytes"},
	})
	require.Empty(t, cmp.Diff(`groups.yaml:2:5: unknown-name: no attribute or record is called "도시"
  and 도시
      ^^^^
  did you mean city?
groups.yaml:2:7: warning: always-true: this always holds
  and 도시
          ^
groups.yaml: too-long: a rule has at most 10 bytes
`, got))
}

func TestRenderCutsLongLines(t *testing.T) {
	text := strings.Repeat("orders or ", 100_000)
	at := source.Span{Start: 500_000, End: 500_006}
	got := source.Render("f", text, source.Diagnostics{{Code: "c", Span: at, Message: "m"}})
	lines := strings.Split(got, "\n")
	require.Less(t, len(lines[1]), 120)
	caret := strings.Index(lines[2], "^^^^^^")
	require.Equal(t, "orders", lines[1][caret:caret+6])
}

// Whatever the text and span, rendering does not panic and gives valid UTF-8 in
// two lines.
func TestRenderAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.SampledFrom([]byte("ab \t\r\n\xff\x1b\xed\x95\x9c\xe2\x80\x8d")), 0, 300).Draw(t, "text"))
		at := source.Span{Start: rapid.IntRange(-3, 303).Draw(t, "start"), End: rapid.IntRange(-3, 303).Draw(t, "end")}
		got := source.Render("f", text, source.Diagnostics{{Code: "c", Span: at, Message: "m"}})
		require.True(t, utf8.ValidString(got))
		if at != (source.Span{}) {
			require.Equal(t, 3, strings.Count(got, "\n"))
			require.Contains(t, got, "^")
		}
	})
}

func TestMap(t *testing.T) {
	inner, outer := "a \"b\" c\nd", `rule: "a \"b\" c\nd"`
	m := source.Map{Whole: source.Span{Start: 6, End: len(outer)}}
	o := 7
	for i := range len(inner) {
		n := 1
		if inner[i] == '"' || inner[i] == '\n' {
			n = 2
		}
		m.Add(source.Span{Start: i, End: i + 1}, source.Span{Start: o, End: o + n})
		o += n
	}
	for _, c := range [][2]string{{"a", "a"}, {`"b"`, `\"b\"`}, {"b", "b"}, {"c", "c"}, {"c\nd", `c\nd`}, {"d", "d"}} {
		at := m.Span(spanOf(t, inner, c[0]))
		if c[0] == "a" {
			require.Equal(t, 7, at.Start)
		}
		require.Equal(t, c[1], outer[at.Start:at.End])
	}
	require.Equal(t, m.Whole, m.Span(source.Span{}))
	end := m.Span(source.Span{Start: len(inner), End: len(inner)})
	require.Equal(t, source.Span{Start: len(outer) - 1, End: len(outer) - 1}, end)

	ds := m.Diagnostics(source.Diagnostics{
		{Span: spanOf(t, inner, "c"), Fix: &source.Fix{Span: spanOf(t, inner, "c"), New: "e"}},
		{Span: spanOf(t, inner, "c"), Fix: &source.Fix{Span: spanOf(t, inner, "c"), New: `"e"`}},
		{Span: spanOf(t, inner, `"b"`), Fix: &source.Fix{Span: spanOf(t, inner, `"b"`), New: `e`}},
	})
	require.Equal(t, `rule: "a \"b\" e\nd"`, ds[0].Fix.Apply(outer))
	require.Nil(t, ds[1].Fix, "the edit would close the YAML string")
	require.Nil(t, ds[2].Fix)
}

func TestClosest(t *testing.T) {
	names := []string{"orders", "all_orders", "items", "city", "country", "last_login", "points"}
	for word, want := range map[string]string{
		"order": "orders", "oders": "orders", "ordesr": "orders", "Orders": "orders", "contry": "country",
		"lastlogin": "last_login", "CITY": "city", "ciyt": "city", "pionts": "points",
		"x": "", "zebra": "", "orders": "", "": "",
	} {
		got, ok := source.Closest(word, names)
		require.Equal(t, want, got, word)
		require.Equal(t, want != "", ok)
	}
}

func TestDiagnosticsAsError(t *testing.T) {
	ds := source.Diagnostics{
		{Code: "b", Severity: source.Warning, Span: source.Span{Start: 4, End: 5}, Message: "second"},
		{Code: "a", Span: source.Span{Start: 1, End: 2}, Message: "first", Hint: "mend it"},
	}
	ds.Sort()
	require.EqualError(t, ds, "a: first (mend it)\nb: second")
	require.True(t, ds.HasErrors())
	require.False(t, ds[1:].HasErrors())
}
