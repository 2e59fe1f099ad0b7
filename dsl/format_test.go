package dsl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/internal/corpus"
)

// sameMeaning compares trees without their places.
var sameMeaning = cmp.Options{
	cmpopts.IgnoreTypes(at{}, source.Span{}),
	cmp.Comparer(func(a, b Comment) bool { return a.Text == b.Text }),
	cmpopts.IgnoreFields(Rule{}, "Text"),
}

func TestFormat(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"spaces, quotes and units": {
			"joined   within 7 days and(not orders ( 30days  where  status='confirmed' )>=2)",
			`joined within 7d and (not orders(30d where status = "confirmed") >= 2)`,
		},
		"full units are words": {
			"orders(7 full d) and orders(1 full months) and logins(last  week)",
			"orders(7 full days) and orders(1 full month) and logins(last week)",
		},
		"numbers stay as written": {
			"total >= 1_000_000   KRW or x = - 1.50 or y in top 5 %",
			"total >= 1_000_000 KRW or x = -1.50 or y in top 5%",
		},
		"strings take the quotes that need no escape": {
			`a = 'say "hi"' or b = "it's" or c = '\'"\\\n'`,
			`a = 'say "hi"' or b = "it's" or c = "'\"\\\n"`,
		},
		"NFC": {"\u1109\u1165 = \"\u1109\u1165\"", `서 = "서"`},
		"every relation": {
			`a not within last quarter and b between 1 and 2 and c not in(1,2) and d contains any('x') and e not contains 'x'
			 and f ends with 'x' and g not before 3y ago and h is not known and in group 'V' and i(next 7d,since x,before y,a..b)`,
			`a not within last quarter
and b between 1 and 2
and c not in (1, 2)
and d contains any ("x")
and e not contains "x"
and f ends with "x"
and g not before 3y ago
and h is not known
and in group "V"
and i(next 7d, since x, before y, a .. b)`,
		},
		"long rules break at and, or and in parentheses": {
			corpus.Measured,
			`joined within 30d
and country in ("KR", "JP")
and not orders(7d where status = "confirmed" and total >= 30000) >= 2
and (spent(365d) >= 1_000_000 or points between 100 and 900)`,
		},
		"terms of and inside or stand to the right": {
			`visits(30d where page = "/a-rather-long-page-name") or logins(30d) >= 5 and orders(30d) = 0 and newsletter and country = "KR" and language = "ko"`,
			`visits(30d where page = "/a-rather-long-page-name")
or logins(30d) >= 5 and orders(30d) = 0 and newsletter and country = "KR" and language = "ko"`,
		},
		"a long filter and a long list break too": {
			`orders(90d where status = "confirmed" and total >= 30000 and channel = "web" and coupon in ("` +
				strings.Repeat("SPRING", 5) + `", "` + strings.Repeat("SUMMER", 5) + `", "` + strings.Repeat("AUTUMN", 5) + `")) >= 2`,
			`orders(
  90d
  where status = "confirmed"
    and total >= 30000
    and channel = "web"
    and coupon in (
      "SPRINGSPRINGSPRINGSPRINGSPRING", "SUMMERSUMMERSUMMERSUMMERSUMMER",
      "AUTUMNAUTUMNAUTUMNAUTUMNAUTUMN"
    )
) >= 2`,
		},
		"comments stay with their line": {
			"# 신규 회원\n#   첫 주\n\njoined within 7 days # who\nand not # really\n  # none\n orders(7d)   # what\n# end\n",
			"# 신규 회원\n#   첫 주\njoined within 7d # who\nand not # really\n# none\norders(7d) # what\n# end",
		},
		"a comment breaks the groups around it": {
			"(a or orders(7d # a week\n where total > 1)) and b",
			"(\n  a\n  or orders(\n    7d # a week\n    where total > 1\n  )\n)\nand b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Parse(c.text)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(c.want, Format(r)))
			checkFormat(t, c.text)
		})
	}
}

// checkFormat proves the promises of Format for one text, if it parses.
func checkFormat(t require.TestingT, text string) {
	r, err := Parse(text)
	if err != nil {
		return
	}
	once := Format(r)
	again, err := Parse(once)
	if err != nil {
		require.NoError(t, err, "%s\nformatted does not parse\n%s", text, source.Render("formatted", once, err.(source.Diagnostics)))
	}
	require.Empty(t, cmp.Diff(r, again, sameMeaning), "%s\nformatted\n%s", text, once)
	require.Equal(t, once, Format(again), "not idempotent: %s", text)
}

// FuzzFormat proves the rest of the promises for the corpus, which seeds it.
func TestFormatCorpus(t *testing.T) {
	for _, text := range corpus.Texts() {
		r, err := Parse(text)
		require.NoError(t, err)
		formatted := Format(r)
		require.NotContains(t, formatted, "\n\n")
		for line := range strings.Lines(formatted) {
			require.NotRegexp(t, `\s\s\S|[ \t]+\n$`, strings.TrimLeft(line, " "), text)
		}
	}
}

// Sentences of the whole grammar, with comments and line breaks between any two
// words.
func TestFormatKeepsMeaning(t *testing.T) {
	g := documented(t)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, word := range drawSentence(t, g) {
			b.WriteString(word)
			b.WriteString(rapid.SampledFrom([]string{" ", " ", " ", " ", "\n", "\n\n\t", " # 하나\n", "\n  # two  \n", "# a\n#b\n"}).Draw(t, "gap"))
		}
		checkFormat(t, b.String())
	})
}

// Trees that no text was parsed into get the parentheses they need.
func TestFormatParenthesises(t *testing.T) {
	name := func(s string) Expr { return &Ref{Path: []Name{{Text: s}}} }
	sum := &Arith{Op: "+", L: name("a"), R: name("b")}
	tree := &And{Terms: []Expr{
		&Or{Terms: []Expr{name("x"), name("y")}},
		&Not{X: &Or{Terms: []Expr{name("x"), name("y")}}},
		&Compare{Op: ">", L: &Arith{Op: "*", L: sum, R: sum}, R: &Arith{Op: "-", L: name("c"), R: sum}},
		&Compare{Op: "=", L: &Minus{X: sum}, R: &Number{Mantissa: 5, Scale: 2}},
	}}
	require.Equal(t, `(x or y) and not (x or y) and (a + b) * (a + b) > c - (a + b) and -(a + b) = 0.05`, Format(&Rule{Expr: tree}))
}

func FuzzFormat(f *testing.F) {
	for _, text := range seeds() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFormat(t, text) })
}

// The budget is 150 us.
func BenchmarkFormat(b *testing.B) {
	r, err := Parse(corpus.Measured)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		Format(r)
	}
}
