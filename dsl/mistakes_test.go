package dsl

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/source"
)

var update = flag.Bool("update", false, "write the golden files")

// mistakes are what authors write by mistake. Where the fix mends all of it, fixed
// is the result.
var mistakes = []struct {
	text  string
	code  source.Code
	fixed string
}{
	// Spans of time.
	{"joined within last 7d", source.Unexpected, "joined within 7d"},
	{"orders(past 30 days) >= 1", source.Unexpected, "orders(30 days) >= 1"},
	{"joined within -7d", source.Unexpected, "joined within 7d"},
	{"joined within 7m", source.BadUnit, ""},
	{"joined within 7 M", source.BadUnit, ""},
	{"orders(2 quarters) >= 1", source.BadUnit, ""},
	{"joined within 30일", source.BadUnit, "joined within 30d"},
	{"joined within 3개월", source.BadUnit, "joined within 3mo"},
	{"joined within 7 dyas", source.BadUnit, "joined within 7 days"},
	{"joined within 7D", source.BadUnit, "joined within 7d"},
	{"joined within 30 seconds", source.BadUnit, ""},
	{"orders(7 full x)", source.BadUnit, ""},
	{"joined within", source.Unexpected, ""},
	{"joined in this month", source.Unexpected, "joined within this month"},
	{"joined in 30d", source.Unexpected, "joined within 30d"},
	{"joined in the last 7 days", source.Unexpected, "joined within 7 days"},
	{"joined within the past 7 days", source.Unexpected, "joined within 7 days"},
	{"orders(the last 7 days) >= 1", source.Unexpected, "orders(7 days) >= 1"},
	{"orders >= 3 within 30d", source.Unexpected, ""},

	// Numbers and money.
	{"spent >= 10,000", source.BadNumber, "spent >= 10_000"},
	{"spent >= 10,500", source.BadNumber, "spent >= 10_500"},
	{"points in (10,000)", source.BadNumber, "points in (10_000)"},
	{"spent >= 30000원", source.BadUnit, "spent >= 30000KRW"},
	{"spent >= ₩30000", source.BadCharacter, ""},
	{"spent >= 100 krw", source.BadUnit, ""},
	{"points = 007", source.BadNumber, "points = 7"},
	{"points = 1__0", source.BadNumber, ""},
	{"points = 1234567890123456789", source.BadNumber, ""},
	{"points = ３", source.BadCharacter, "points = 3"},

	// Dates.
	{"joined on 2026-02-30", source.BadDate, ""},
	{"joined on 2026-13-01", source.BadDate, ""},
	{"joined on 2026.1.5", source.BadDate, "joined on 2026-01-05"},
	{"joined on 2026/01/05", source.BadDate, "joined on 2026-01-05"},
	{"joined on 2026-01-05T10:00", source.BadDate, ""},

	// Signs of other languages and keyboards.
	{`city == "Seoul"`, source.BadCharacter, `city = "Seoul"`},
	{`city <> "Seoul"`, source.BadCharacter, `city != "Seoul"`},
	{"newsletter && orders", source.BadCharacter, "newsletter and orders"},
	{"newsletter||orders", source.BadCharacter, "newsletter or orders"},
	{"!newsletter", source.BadCharacter, "not newsletter"},
	{"points ≥ 3", source.BadCharacter, "points >= 3"},
	{"points = > 3", source.Unexpected, "points = 3"},
	{"points > = 3", source.Unexpected, "points >= 3"},
	{"name = “Kim”", source.BadCharacter, `name = "Kim"`},
	{"name = 「김」 and orders", source.BadCharacter, `name = "김" and orders`},
	{"name = “Kim", source.BadCharacter, ""},
	{"points in [1, 2]", source.BadCharacter, ""},
	{"（newsletter)", source.BadCharacter, "(newsletter)"},
	{"newsletter;", source.BadCharacter, "newsletter"},
	{"newsletter // yes", source.BadCharacter, "newsletter # yes"},
	{"joined within 2026-01-01 ... 2026-01-31", source.BadCharacter, "joined within 2026-01-01 .. 2026-01-31"},

	// Words.
	{"newsletter AND orders", source.Unexpected, "newsletter and orders"},
	{"spent > 3 AND orders", source.Unexpected, "spent > 3 and orders"},
	{"NOT newsletter", source.Unexpected, "not newsletter"},
	{`country IN ("KR")`, source.Unexpected, `country in ("KR")`},
	{"newsletter 그리고 orders", source.Unexpected, "newsletter and orders"},
	{"newsletter except orders", source.Unexpected, "newsletter and not orders"},
	{"newsletter adn orders", source.Unexpected, "newsletter and orders"},
	{"joined wihtin 7d", source.Unexpected, "joined within 7d"},
	{"nto newsletter", source.Unexpected, "not newsletter"},
	{`in gruop "VIP"`, source.Unexpected, `in group "VIP"`},
	{`orders(7d wehre total > 1)`, source.Unexpected, "orders(7d where total > 1)"},
	{"spent in tpo 5%", source.Unexpected, "spent in top 5%"},
	{"birthday is konwn", source.Unexpected, "birthday is known"},
	{"newsletter and and orders", source.Unexpected, ""},
	{"birthday is null", source.Unexpected, "birthday is not known"},
	{"birthday is not null", source.Unexpected, "birthday is known"},
	{`country is "KR"`, source.Unexpected, `country = "KR"`},
	{`country is not "KR"`, source.Unexpected, `country != "KR"`},
	{`name like "Kim%"`, source.Unexpected, ""},
	{`name starts "Kim"`, source.Unexpected, `name starts with "Kim"`},
	{`tags contains ("vip", "press")`, source.Unexpected, `tags contains any ("vip", "press")`},
	{`country in "KR"`, source.Unexpected, `country in ("KR")`},
	{"orders(30d) at least 3", source.Unexpected, "orders(30d) >= 3"},
	{"spent over 10_000", source.Unexpected, "spent > 10_000"},
	{"birthday is set", source.Unexpected, "birthday is known"},
	{`country in group "VIP"`, source.Unexpected, ""},
	{"in group", source.Unexpected, ""},
	{"1 < points < 5", source.Unexpected, ""},
	{"points between 1", source.Unexpected, ""},
	{"points between 1 or 5", source.Unexpected, ""},
	{"top 5%", source.Unexpected, ""},
	{"newsletter orders", source.Unexpected, ""},
	{"points not", source.Unexpected, ""},
	{"points is", source.Unexpected, ""},
	{"not", source.Unexpected, ""},
	{"points >=", source.Unexpected, ""},
	{"billing. = 3", source.Unexpected, ""},
	{"orders(7d,)", source.Unexpected, ""},
	{"points in ()", source.Unexpected, ""},

	// Parentheses and strings.
	{"(newsletter or orders", source.Unclosed, ""},
	{"orders(7d >= 1", source.Unclosed, ""},
	{"newsletter and (orders(7d) or (logins(7d) and visits)", source.Unclosed, ""},
	{"newsletter)", source.Unexpected, "newsletter"},
	{"name = 'Kim", source.BadString, ""},
	{"name = \"Kim\nand newsletter", source.BadString, ""},
	{`name = "C:\data"`, source.BadString, `name = "C:\\data"`},

	// Text that is none.
	{"", source.Unexpected, ""},
	{"# 신규", source.Unexpected, ""},
	{"name = \"\xc3\x28\"", source.BadText, ""},
	{"newsletter\u200b", source.BadText, "newsletter"},
	{"news\u00adletter", source.BadText, "newsletter"},
	{"city = \"서울\" \x07", source.BadText, "city = \"서울\" "},
}

func TestMistakes(t *testing.T) {
	var golden strings.Builder
	for _, m := range mistakes {
		_, err := Parse(m.text)
		require.Error(t, err, m.text)
		ds := err.(source.Diagnostics)
		require.Equal(t, m.code, ds[0].Code, m.text)
		golden.WriteString(source.Render("rule", m.text, ds) + "\n")
		checkParse(t, m.text)
		if m.fixed != "" {
			require.NotNil(t, ds[0].Fix, m.text)
			require.Equal(t, m.fixed, ds[0].Fix.Apply(m.text))
			_, err := Parse(m.fixed)
			require.NoError(t, err)
		}
	}
	const file = "testdata/mistakes.txt"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(golden.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), golden.String()))
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		limits Limits
		code   source.Code
	}{
		"a million parentheses":       {strings.Repeat("(", 1_000_000), Limits{Bytes: 2_000_000}, source.TooMany},
		"many parentheses":            {strings.Repeat("(", 1000) + "a" + strings.Repeat(")", 1000), Limits{}, source.TooDeep},
		"many not":                    {strings.Repeat("not ", 1000) + "a", Limits{}, source.TooDeep},
		"many signs":                  {strings.Repeat("- ", 1000) + "1 = 1", Limits{}, source.TooDeep},
		"deeper than can be asked":    {strings.Repeat("(", 2000) + "a" + strings.Repeat(")", 2000), Limits{Nesting: 1 << 30}, source.TooDeep},
		"a rule of 1 MB":              {"a = '" + strings.Repeat("x", 1<<20) + "'", Limits{}, source.TooLong},
		"a rule of many words":        {"a" + strings.Repeat(" or a", 20_000), Limits{}, source.TooMany},
		"a list of many items":        {"a in (1" + strings.Repeat(",1", 6_000) + ")", Limits{}, source.TooMany},
		"own limit of bytes":          {"a or b", Limits{Bytes: 5}, source.TooLong},
		"own limit of nesting":        {"((a))", Limits{Nesting: 1}, source.TooDeep},
		"own limit of nodes":          {"a or b", Limits{Nodes: 2}, source.TooMany},
		"own limit of items":          {"a in (1, 2, 3)", Limits{ListItems: 2}, source.TooMany},
		"comments count as bytes too": {"a #" + strings.Repeat("x", 1<<20), Limits{}, source.TooLong},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.text, WithLimits(c.limits))
			require.Error(t, err)
			d := err.(source.Diagnostics)[0]
			require.Equal(t, c.code, d.Code)
			require.NotZero(t, d.Span.End, "it has a place")
			require.Less(t, len(source.Render("rule", c.text, source.Diagnostics{d})), 500)
		})
	}
	for _, text := range []string{
		strings.Repeat("(", 64) + "a" + strings.Repeat(")", 64),
		strings.Repeat("not (", 32) + "a" + strings.Repeat(")", 32),
		"a in (1" + strings.Repeat(",1", 4_999) + ")",
		"a" + strings.Repeat(" + a", 9_000) + " = 1",
	} {
		_, err := Parse(text)
		require.NoError(t, err)
	}
}

// The search for what was expected tries the text several times: it must not make
// a long text with an error at its end expensive.
func TestErrorInLongRule(t *testing.T) {
	_, err := Parse("a" + strings.Repeat(" or a", 9_000) + " or )")
	require.ErrorContains(t, err, `closes nothing`)
	_, err = Parse("a" + strings.Repeat(" or a", 9_000) + " or = 3")
	require.EqualError(t, err, `syntax: "=" does not fit here`)
	_, err = Parse("a" + strings.Repeat(" or a", 9_000) + " or")
	require.EqualError(t, err, `syntax: the rule ends too early`)
}
