package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// runLine runs a command line as main does.
func runLine(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// folder writes a folder of a text in which a line "-- name --" starts a file.
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, text)
	return dir
}

func write(t *testing.T, dir, text string) {
	t.Helper()
	var name string
	files := map[string]string{}
	for line := range strings.Lines(text) {
		if head, ok := strings.CutPrefix(line, "-- "); ok {
			name = filepath.Join(dir, strings.TrimSuffix(strings.TrimSpace(head), " --"))
			continue
		}
		files[name] += line
	}
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
}

const small = `-- customers.csv --
id,joined,guest
"b,c",2026-03-01,
a,2026-03-09,
a2,2026-02-01,
g,,true
-- orders.csv --
id,customer,placed,total
o1,"b,c",2026-03-08,10000
-- visits.csv --
customer,at
g,2026-03-08
`

func TestSelect(t *testing.T) {
	dir := folder(t, small)
	at := []string{"--data", dir, "--as-of", "2026-03-10", "--zone", "Asia/Seoul"}
	for _, tc := range []struct {
		why, rule string
		flags     []string
		code      int
		out, err  string
	}{
		{why: "ids sorted, one a line", rule: `joined within 30d`, out: "a\nb,c\n"},
		{why: "as-of excludes what starts at it", rule: `joined within 30d`, flags: []string{"--as-of=2026-03-09"}, out: "b,c\n"},
		{why: "the zone decides when a day starts", rule: `joined before 2026-03-09`, flags: []string{"--as-of=2026-03-08T15:00:00Z"}, out: "a2\nb,c\n"},
		{why: "count", rule: `joined within 30d`, flags: []string{"--count"}, out: "2\n"},
		{why: "csv", rule: `joined within 30d`, flags: []string{"--format=csv"}, out: "id\na\n\"b,c\"\n"},
		{why: "csv count", rule: `joined within 30d`, flags: []string{"--format=csv", "--count"}, out: "count\n2\n"},
		{why: "guests", rule: `visits(7d)`, flags: []string{"--scope=guests"}, out: "g\n"},
		{why: "nobody is no error", rule: `points > 5`, flags: []string{"--as-of=2990-01-01"}, out: ""},
		{
			why: "json", rule: `orders(7d where status is not known)`, flags: []string{"--format=json"},
			out: `{
  "rule": "orders(7d where status is not known)",
  "scope": "members",
  "as_of": "2026-03-10T00:00:00+09:00",
  "zone": "Asia/Seoul",
  "exact": false,
  "current": [
    "all_orders.status"
  ],
  "count": 1,
  "members": [
    "b,c"
  ]
}
`, err: "note: read as of now, not of then: all_orders.status\n",
		},
		{
			why: "a warning comes with the answer", rule: `joined within 30d and joined within 30d`, out: "a\nb,c\n",
			err: "rule:1:23: warning: repeated: ",
		},
		{
			why: "an unknown name, the caret right under Hangul", rule: `name = "단골" and order(7d)`, code: 2,
			err: "rule:1:17: unknown-name: no record, measure or function is called \"order\"\n" +
				"  name = \"단골\" and order(7d)\n" +
				"                    ^^^^^\n" +
				"  did you mean orders?\n",
		},
		{why: "no groups here", rule: `in group "VIP"`, code: 2, err: "rule:1:"},
		{why: "strict", rule: `points > 5`, flags: []string{"--strict"}, code: 1, err: "dangol: store: the answer reads current values for a past as-of: points\n"},
		{why: "zone", rule: `points > 5`, flags: []string{"--zone=Asia/Sole"}, code: 2, err: "dangol: --zone: no time zone is called \"Asia/Sole\"\n"},
		{why: "as-of", rule: `points > 5`, flags: []string{"--as-of=yesterday"}, code: 2, err: "dangol: --as-of: \"yesterday\" is not a day"},
		{why: "currency", rule: `points > 5`, flags: []string{"--currency=WON"}, code: 2, err: "dangol: --currency: \"WON\""},
		{why: "unknown flag", rule: `points > 5`, flags: []string{"--dat=x"}, code: 2, err: "dangol: unknown flag --dat"},
		{why: "a folder that is not there", rule: `points > 5`, flags: []string{"--data=" + filepath.Join(dir, "none")}, code: 1, err: "dangol: --data: open "},
	} {
		t.Run(tc.why, func(t *testing.T) {
			code, out, err := runLine(t, append(append(append([]string{"select"}, at...), tc.flags...), tc.rule)...)
			require.Equal(t, tc.code, code, err)
			require.Empty(t, cmp.Diff(tc.out, out))
			if tc.err != "" && !strings.HasPrefix(err, tc.err) {
				require.Empty(t, cmp.Diff(tc.err, err))
			}
		})
	}
}

func TestBadDataIsNamedByFileAndLine(t *testing.T) {
	dir := folder(t, "-- customers.csv --\nid,jioned\n")
	code, out, err := runLine(t, "select", "--data", dir, "points > 5")
	require.Equal(t, 2, code)
	require.Empty(t, out)
	require.Equal(t, filepath.Join(dir, "customers.csv")+":1:4: unknown column \"jioned\"\n  did you mean joined?\n", err)
}

func TestHelp(t *testing.T) {
	code, out, err := runLine(t, "select", "--help")
	require.Zero(t, code)
	require.Empty(t, err)
	require.Contains(t, out, "--as-of")
}

func TestRealOrders(t *testing.T) {
	const dir = "../../../shared/data/cdnow"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the CDNOW orders are not beside this checkout")
	}
	for rule, want := range map[string]string{
		`orders = 1`:                                     "12054\n",
		`orders(before 1997-10-01) = 1`:                  "14119\n",
		`sum(orders.total) - first(orders.total) > 4000`: "10\n",
	} {
		code, out, err := runLine(t, "select", "--data", dir, "--as-of", "1998-07-01", "--zone", "America/New_York", "--currency", "USD", "--count", rule)
		require.Zero(t, code, err)
		require.Equal(t, want, out, rule)
	}
}

// A rule is checked before any data is read, and text that is no text is refused.
func TestTheRuleComesFirst(t *testing.T) {
	code, _, stderr := runLine(t, "select", "--data", t.TempDir(), `order(7d) >= 1`)
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "did you mean orders?")
	require.NotContains(t, stderr, "customers.csv")
	code, _, stderr = runLine(t, "read", "name = \"\xff\xfe\"")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "not UTF-8")
}
