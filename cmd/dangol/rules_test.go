package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const untidy = `# the shop's groups
groups:
  - name: New
    rule: joined within 7d   and not orders(7d) >= 1
  - name: Both
    rule: in group "New" and regular
conditions:
  - name: regular
    rule: orders(90d)>=3
`

func TestCheck(t *testing.T) {
	dir := folder(t, `-- fine.yaml --
`+untidy+`-- more.yaml --
groups:
  - {name: Old, rule: regular and not in group "New"}
-- broken.yaml --
groups:
  - name: 단골
    rule: in group "None" and order(7d)
  - name: Sale
    rule: |
      country = "KR"   # 한국
      and points = "x"
-- rings.yaml --
groups:
  - {name: A, rule: in group "B"}
  - {name: B, rule: not in group "C" or in group "A"}
  - {name: C, rule: in group "C"}
  - {name: D, rule: in group "A"}
-- condition.yaml --
conditions:
  - name: regular
    rule: orderz(90d) >= 3
-- both.yaml --
conditions:
  - name: regular
    rule: orderz(90d) >= 3
groups:
  - name: New
    rule: regular and joind within 7d
  - name: Old
    rule: orders >= 1 and not regular
-- warns.yaml --
groups:
  - {name: Today, rule: joined on today}
-- torn.yaml --
groups: [
`)
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, tc := range []struct {
		why   string
		files []string
		code  int
		err   string
	}{
		{why: "fine", files: []string{"fine.yaml"}},
		{why: "names are shared by files", files: []string{"fine.yaml", "more.yaml"}},
		{
			why: "every mistake, placed in the file", files: []string{"broken.yaml"}, code: 2,
			err: file("broken.yaml") + ":3:20: unknown-group: no group is called \"None\"\n" +
				"  rule: in group \"None\" and order(7d)\n" +
				"                 ^^^^^^\n" +
				file("broken.yaml") + ":3:31: unknown-name: no record, measure or function is called \"order\"\n" +
				"  rule: in group \"None\" and order(7d)\n" +
				"                            ^^^^^\n" +
				"  did you mean orders?\n" +
				file("broken.yaml") + ":7:11: wrong-type: ",
		},
		{
			why: "groups that read themselves", files: []string{"rings.yaml"}, code: 2,
			err: file("rings.yaml") + ":2:12: cycle: the group reads itself: A, which reads B, which reads A\n",
		},
		{
			why: "a condition", files: []string{"condition.yaml"}, code: 2,
			err: file("condition.yaml") + ":3:11: unknown-name: no record, measure or function is called \"orderz\"\n" +
				"  rule: orderz(90d) >= 3\n" +
				"        ^^^^^^\n" +
				"  did you mean orders?\n",
		},
		{
			why: "a condition, and groups that have mistakes of their own", files: []string{"both.yaml"}, code: 2,
			err: file("both.yaml") + ":3:11: unknown-name: no record, measure or function is called \"orderz\"\n" +
				"  rule: orderz(90d) >= 3\n" +
				"        ^^^^^^\n" +
				"  did you mean orders?\n" +
				file("both.yaml") + ":6:23: unknown-name: no attribute or record is called \"joind\"\n",
		},
		{why: "a warning is no failure", files: []string{"warns.yaml"}, err: file("warns.yaml") + ":2:35: warning: empty-today: "},
		{why: "no YAML", files: []string{"torn.yaml", "fine.yaml"}, code: 2, err: file("torn.yaml") + ":"},
		{why: "no file", files: []string{"none.yaml"}, code: 1, err: "dangol: open "},
	} {
		t.Run(tc.why, func(t *testing.T) {
			args := []string{"check"}
			for _, name := range tc.files {
				args = append(args, file(name))
			}
			code, out, err := runLine(t, args...)
			require.Equal(t, tc.code, code, err)
			require.Empty(t, out)
			if tc.err == "" {
				require.Empty(t, err)
			}
			require.Equal(t, tc.err, err[:min(len(err), len(tc.err))], err)
		})
	}
	t.Run("json", func(t *testing.T) {
		code, out, err := runLine(t, "check", "--format=json", file("rings.yaml"), file("warns.yaml"))
		require.Equal(t, 2, code)
		require.Empty(t, err)
		var files []checked
		require.NoError(t, json.Unmarshal([]byte(out), &files))
		require.Len(t, files, 2)
		require.Equal(t, 4, files[0].Groups)
		require.Len(t, files[0].Diagnostics, 3, "A and B read each other, C itself")
		require.Equal(t, 2, files[0].Diagnostics[0].Line)
	})
}

func TestFmt(t *testing.T) {
	const tidy = `# the shop's groups
groups:
  - name: New
    rule: joined within 7d and not orders(7d) >= 1
  - name: Both
    rule: in group "New" and regular
conditions:
  - name: regular
    rule: orders(90d) >= 3
`
	dir := folder(t, "-- a.yaml --\n"+untidy+"-- b.yaml --\n"+tidy+"-- c.yaml --\ngroups:\n  - {name: A, rule: orders(}\n")
	a, b, c := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml"), filepath.Join(dir, "c.yaml")
	code, out, err := runLine(t, "fmt", a)
	require.Zero(t, code, err)
	require.Empty(t, cmp.Diff(tidy, out))

	code, out, err = runLine(t, "fmt", "-w", a, c)
	require.Equal(t, 2, code)
	require.Empty(t, out)
	require.Contains(t, err, c+":2:27: ")
	text, readErr := os.ReadFile(a)
	require.NoError(t, readErr)
	require.Equal(t, untidy, string(text), "one broken file, and none is written")

	require.NoError(t, os.Chmod(a, 0o640))
	code, out, err = runLine(t, "fmt", "-w", "--format=json", a, b)
	require.Zero(t, code, err)
	var files []formatted
	require.NoError(t, json.Unmarshal([]byte(out), &files))
	require.Equal(t, []formatted{{Name: a, Changed: true}, {Name: b}}, files)
	text, readErr = os.ReadFile(a)
	require.NoError(t, readErr)
	require.Empty(t, cmp.Diff(tidy, string(text)))
	info, readErr := os.Stat(a)
	require.NoError(t, readErr)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	left, readErr := os.ReadDir(dir)
	require.NoError(t, readErr)
	require.Len(t, left, 3, "no temporary file stays")
}

func TestCatalogOfAFolder(t *testing.T) {
	dir := folder(t, `-- catalog.yaml --
currency: USD
attributes:
  - {name: tier, type: enum, values: [gold, silver]}
kinds:
  - name: repairs
    time: at
    fields:
      - {name: at, type: instant, timing: timed}
      - {name: cost, type: money}
-- customers.csv --
id,tier
a,gold
b,gold
-- repairs.csv --
customer,at,cost
a,2026-03-01,9.99
b,2026-03-01,10.00
`)
	code, out, err := runLine(t, "select", "--data", dir, "--as-of=2026-03-10", `tier = "gold" and max(repairs.cost) < 10`)
	require.Zero(t, code, err)
	require.Equal(t, "a\n", out)

	code, out, err = runLine(t, "read", "--catalog", filepath.Join(dir, "catalog.yaml"), "--lang=ko", `repairs(30d)`)
	require.Zero(t, code, err)
	require.NotEmpty(t, out)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "catalog.yaml"), []byte("attributes:\n  - {nam: tier, type: enum}\n"), 0o644))
	code, _, err = runLine(t, "select", "--data", dir, `tier = "gold"`)
	require.Equal(t, 2, code)
	require.Contains(t, err, filepath.Join(dir, "catalog.yaml")+":2:")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "catalog.yaml"), []byte("conditions:\n  - {name: odd, text: ordrs = 1}\n"), 0o644))
	code, _, err = runLine(t, "select", "--data", dir, `odd`)
	require.Equal(t, 2, code)
	require.Contains(t, err, "did you mean")
}

func TestExplain(t *testing.T) {
	dir := folder(t, `-- customers.csv --
id,joined,email,points
a,2026-03-09,a@x.com,5
b,2026-03-01,b@x.com,7
-- orders.csv --
id,customer,placed,total
o1,a,2026-03-08,10000
`)
	args := func(more ...string) []string {
		return append([]string{"explain", "--data", dir, "--as-of=2026-03-10", "--zone=Asia/Seoul"}, more...)
	}
	code, out, err := runLine(t, args("--customer=a", `email ends with "x.com" and orders(7d) and points in top 1`)...)
	require.Zero(t, code, err)
	require.Contains(t, out, "a is out as of 2026-03-10 00:00:00 (Asia/Seoul)")
	require.Contains(t, out, "o1")
	require.NotContains(t, out, "a@x.com", "personal data is masked")

	code, out, err = runLine(t, args("--customer=a", "--personal", "--lang=ko", `email ends with "x.com"`)...)
	require.Zero(t, code, err)
	require.Contains(t, out, "a@x.com")

	code, out, err = runLine(t, args("--customer=b", "--format=json", `points in top 1`)...)
	require.Zero(t, code, err)
	var why struct{ Answer bool }
	require.NoError(t, json.Unmarshal([]byte(out), &why))
	require.True(t, why.Answer)

	code, _, err = runLine(t, args("--customer=nobody", `points = 5`)...)
	require.Equal(t, 2, code)
	require.Equal(t, "dangol: --customer: nobody has the id \"nobody\"\n", err)
	code, _, err = runLine(t, args("--customer=a", `point = 5`)...)
	require.Equal(t, 2, code)
	require.Contains(t, err, "did you mean points?")
}

func TestRead(t *testing.T) {
	code, out, err := runLine(t, "read", `orders(7d) >= 2 and in group "VIP"`)
	require.Zero(t, code, err)
	require.Contains(t, out, "VIP")
	code, out, err = runLine(t, "read", "--format=json", "--lang=ko", `orders(7d) >= 2`)
	require.Zero(t, code, err)
	var got struct{ Rule, Lang, Sentence string }
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Equal(t, "ko", got.Lang)
	require.Contains(t, got.Sentence, "주문")
	code, _, _ = runLine(t, "read", `orders(7d) >=`)
	require.Equal(t, 2, code)
}
