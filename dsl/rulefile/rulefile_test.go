package rulefile_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/internal/corpus"
)

var update = flag.Bool("update", false, "write the golden files")

const groups = `# 그룹
groups:
  - name: 신규
    rule: joined within 7d and not orders(7d) >= 1   # plain
    description: new, and without an order
  - name: VIP
    scope: both
    schedule: every 15min
    rule: |
      # the best by amount
      spent(365d) in top 5%
      and orders(365d) in top 5%

  - {name: "Old", rule: 'city = ''서울''', schedule: on change}
conditions:
  - name: regular
    rule: >-
      orders(90d) >= 3
      and newsletter
`

func TestRead(t *testing.T) {
	f, err := rulefile.Read("groups.yaml", []byte(groups))
	require.NoError(t, err)
	require.Len(t, f.Groups, 3)
	require.Equal(t, "신규", f.Groups[0].Name)
	require.Equal(t, "members", f.Groups[0].Scope)
	require.Equal(t, "new, and without an order", f.Groups[0].Description)
	require.Equal(t, rulefile.Schedule{}, f.Groups[0].Schedule)
	require.Equal(t, "both", f.Groups[1].Scope)
	require.Equal(t, rulefile.Schedule{Every: 15 * time.Minute}, f.Groups[1].Schedule)
	require.Len(t, f.Groups[1].Rule.Tree.Comments, 1)
	require.Equal(t, rulefile.Schedule{OnChange: true}, f.Groups[2].Schedule)
	require.Equal(t, "orders(90d) >= 3 and newsletter", f.Conditions[0].Rule.Text)

	cat, err := f.Catalog(catalog.Shop())
	require.NoError(t, err)
	require.Equal(t, "regular", cat.Conditions[len(cat.Conditions)-1].Name)
	require.NoError(t, cat.Validate())

	f.Conditions[0].Name = "orders"
	_, err = f.Catalog(catalog.Shop())
	require.ErrorContains(t, err, `groups.yaml:16:11: duplicate: the condition "orders" bears the name of a kind of records`)
}

// What the checker finds in a rule is shown where the file has it.
func TestDiagnosticsOfRules(t *testing.T) {
	f, err := rulefile.Read("groups.yaml", []byte(groups))
	require.NoError(t, err)
	var shown strings.Builder
	for _, of := range []struct {
		rule rulefile.Rule
		part string
	}{
		{f.Groups[0].Rule, "orders"}, {f.Groups[1].Rule, "orders(365d)"}, {f.Groups[2].Rule, "'서울'"}, {f.Conditions[0].Rule, "newsletter"},
	} {
		at := strings.Index(of.rule.Text, of.part)
		ds := of.rule.At.Diagnostics(source.Diagnostics{{Code: "c", Span: source.Span{Start: at, End: at + len(of.part)}, Message: "m"}})
		shown.WriteString(source.Render(f.Name, f.Text, ds))
	}
	require.Empty(t, cmp.Diff(`groups.yaml:4:36: c: m
  rule: joined within 7d and not orders(7d) >= 1   # plain
                                 ^^^^^^
groups.yaml:12:11: c: m
  and orders(365d) in top 5%
      ^^^^^^^^^^^^
groups.yaml:14:33: c: m
  - {name: "Old", rule: 'city = ''서울''', schedule: on change}
                                ^^^^^^^^
groups.yaml:19:11: c: m
  and newsletter
      ^^^^^^^^^^
`, shown.String()))
}

// Every token of a rule is found in the file, however YAML writes the rule.
func TestPlacesInEveryStyle(t *testing.T) {
	rules := slices.Concat(corpus.Rules(), corpus.Forms())
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(rules).Draw(t, "rule").Text
		words := strings.Split(text, " ")
		style := rapid.SampledFrom([]string{"plain", "'", `"`, "|", "|-", "|+", ">", ">-"}).Draw(t, "style")
		gap := func() string {
			if rapid.IntRange(0, 3).Draw(t, "break") > 0 {
				return " "
			}
			if style[0] == '|' || style[0] == '>' {
				return rapid.SampledFrom([]string{"\n", "\n\n"}).Draw(t, "newline") + "      "
			}
			return rapid.SampledFrom([]string{"\n       ", " \n\n\t  \n     "}).Draw(t, "newline")
		}
		var b strings.Builder
		for i, w := range words {
			if i > 0 {
				b.WriteString(gap())
			}
			switch style {
			case "'":
				w = strings.ReplaceAll(w, "'", "''")
			case `"`:
				w = strings.ReplaceAll(strings.ReplaceAll(w, `"`, `\"`), "k", `\u006b`)
			}
			b.WriteString(w)
		}
		body := b.String()
		switch style {
		case "'", `"`:
			body = style + body + style
		case "plain":
			if strings.ContainsAny(text[:1], `"'#-`) {
				return
			}
		default:
			body = style + "\n      " + body
		}
		file := "groups:\n  - name: 이름\n    rule: " + body + "\n\n    description: x\n"
		f, err := rulefile.Read("f", []byte(file))
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		r := f.Groups[0].Rule
		at := 0
		for _, w := range strings.Fields(r.Text) {
			at += strings.Index(r.Text[at:], w)
			place := r.At.Span(source.Span{Start: at, End: at + len(w)})
			got := file[place.Start:place.End]
			switch style {
			case "'":
				got = strings.ReplaceAll(got, "''", "'")
			case `"`:
				got = strings.ReplaceAll(strings.ReplaceAll(got, `\"`, `"`), `\u006b`, "k")
			}
			if got != w {
				t.Fatalf("%q is shown as %q in\n%s", w, got, file)
			}
			at += len(w)
		}
	})
}

func TestFormat(t *testing.T) {
	in := strings.ReplaceAll(groups, "not orders(7d) >= 1   #", "not  orders( 7 days )>=1   #")
	in = strings.ReplaceAll(in, "spent(365d) in", "spent( 365d )  in")
	in = strings.ReplaceAll(in, "''서울''", `"서울" and  orders`)
	in = strings.ReplaceAll(in, "orders(90d) >= 3", "orders(90 days)>=3")
	out, err := rulefile.Format("groups.yaml", []byte(in))
	require.NoError(t, err)
	want := strings.ReplaceAll(groups, "      spent(365d) in top 5%\n      and orders", "      spent(365d) in top 5% and orders")
	want = strings.ReplaceAll(want, "''서울''", `"서울" and orders`)
	want = strings.ReplaceAll(want, ">-\n      orders(90d) >= 3\n      and", "|-\n      orders(90d) >= 3 and")
	require.Empty(t, cmp.Diff(want, string(out)))
	again, err := rulefile.Format("groups.yaml", out)
	require.NoError(t, err)
	require.Equal(t, string(out), string(again))
}

func TestFormatMakesBlocks(t *testing.T) {
	long := strings.ReplaceAll(corpus.Measured, `"`, `'`)
	in := "groups:\n- name: a # one\n  rule: " + long + "\n  # two\n- name: b\n  rule: \"" + long + "\"\r\n"
	out, err := rulefile.Format("f", []byte(in))
	require.NoError(t, err)
	require.Contains(t, string(out), "- name: a # one\n  rule: |\r\n    joined within 30d\r\n    and country in (\"KR\", \"JP\")")
	require.Contains(t, string(out), "\n  # two\n")

	in = "groups:\n- name: a\n  rule: " + long + "  # one line\n  scope: both\n"
	out, err = rulefile.Format("f", []byte(in))
	require.NoError(t, err)
	require.Contains(t, string(out), "rule: | # one line\n    joined within 30d\n    and country")
	require.Contains(t, string(out), "100 and 900)\n  scope: both\n")

	in = `groups: [{name: a, rule: "` + long + `"}]`
	out, err = rulefile.Format("f", []byte(in))
	require.NoError(t, err)
	require.Equal(t, in, string(out), "no block can stand there")
}

// Whatever the file, formatting keeps the groups, and the second time nothing.
func TestFormatKeepsFiles(t *testing.T) {
	rules := slices.Concat(corpus.Rules(), corpus.Forms())
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			Name, Rule string
		}
		var file struct{ Groups []entry }
		for i := range rapid.IntRange(1, 4).Draw(t, "groups") {
			rule := rapid.SampledFrom(rules).Draw(t, "rule").Text
			rule += rapid.SampledFrom([]string{" and ", "\nor\n", " # a\nand "}).Draw(t, "glue") + rapid.SampledFrom(rules).Draw(t, "rule").Text
			file.Groups = append(file.Groups, entry{fmt.Sprint("g", i), rule})
		}
		data, err := yaml.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		once, err := rulefile.Format("f", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		twice, err := rulefile.Format("f", once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
		f, err := rulefile.Read("f", once)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range f.Groups {
			want, err := dsl.Parse(file.Groups[i].Rule)
			if err != nil {
				t.Fatal(err)
			}
			if dsl.Format(want) != dsl.Format(g.Rule.Tree) {
				t.Fatalf("%s became %s", want.Text, g.Rule.Text)
			}
		}
	})
}

// Each file of testdata/bad is wrong; beside it stands what is said.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 5)
	codes := map[source.Code]bool{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		base := filepath.Base(name)
		if strings.HasPrefix(base, "catalog") {
			_, err = rulefile.ReadCatalog(base, data, catalog.Shop())
		} else {
			_, err = rulefile.Read(base, data)
		}
		var bad *rulefile.Error
		require.True(t, errors.As(err, &bad), name)
		for _, d := range bad.Diagnostics {
			codes[d.Code] = true
		}
		golden := strings.TrimSuffix(name, ".yaml") + ".txt"
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(err.Error()), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(string(want), bad.Error()), name)
	}
	for _, code := range []source.Code{
		source.BadFile, source.UnknownField, source.MissingField, source.BadField, source.Duplicate, source.BadDeclaration,
	} {
		require.True(t, codes[code], "no example of %s", code)
	}
}

func TestReadCatalog(t *testing.T) {
	base := catalog.Shop()
	cat, err := rulefile.ReadCatalog("catalog.yaml", []byte(`
currency: USD
attributes:
  - {name: tier, type: enum, values: [gold, silver], doc: the tier of loyalty}
  - {name: last_login, timing: latest}
  - {name: deposit, type: money, max: 1_000_000, personal: true}
kinds:
  - name: repairs
    time: at
    dimensions: {product: products}
    fields:
      - {name: at, type: instant, timing: timed}
      - {name: product, type: string}
      - {name: cost, type: money}
    conditions:
      - {name: costly, text: cost >= 100}
  - name: orders
    doc: what was ordered
    conditions:
      - {name: large, text: total >= 1000}
dimensions:
  - {name: products, fields: [{name: season, type: string}]}
measures:
  - {name: repaired, text: sum(repairs.cost)}
conditions:
  - name: regular
    text: |
      # thrice
      orders(90d) >= 3
`), base)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(catalog.Shop(), base), "the base was changed")

	tier, ok := cat.Attribute("tier")
	require.True(t, ok)
	require.Equal(t, catalog.Attribute{
		Name: "tier", Type: catalog.Type{Sort: catalog.Enum, Values: []string{"gold", "silver"}}, Doc: "the tier of loyalty",
	}, *tier)
	login, ok := cat.Attribute("last_login")
	require.True(t, ok)
	require.Empty(t, login.Derived, "declared anew: now the host holds it")
	require.Equal(t, catalog.Latest, login.Timing)
	deposit, ok := cat.Attribute("deposit")
	require.True(t, ok)
	require.Equal(t, catalog.Type{Sort: catalog.Money, Currency: "USD", Max: 1_000_000}, deposit.Type)

	repairs, ok := cat.Kind("repairs")
	require.True(t, ok)
	require.Len(t, repairs.Fields, 3)
	require.Equal(t, "cost >= 100", repairs.Conditions[0].Text)
	orders, ok := cat.Kind("orders")
	require.True(t, ok)
	old, _ := base.Kind("orders")
	require.Equal(t, "what was ordered", orders.Doc)
	require.Equal(t, old.Base, orders.Base)
	require.Len(t, orders.Conditions, len(old.Conditions)+1)
	products, ok := cat.Dimension("products")
	require.True(t, ok)
	require.Equal(t, "season", products.Fields[len(products.Fields)-1].Name)
	require.Equal(t, "# thrice\norders(90d) >= 3", cat.Conditions[len(cat.Conditions)-1].Text)

	same, err := rulefile.ReadCatalog("catalog.yaml", []byte("# nothing\n"), base)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(base, same))
}

func FuzzRead(f *testing.F) {
	f.Add(groups)
	bad, _ := filepath.Glob("testdata/bad/*.yaml")
	for _, name := range bad {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if file, err := rulefile.Read("f", []byte(text)); err == nil {
			for _, g := range file.Groups {
				require.LessOrEqual(t, g.Rule.At.Whole.End, len(text))
			}
			if out, err := rulefile.Format("f", []byte(text)); err == nil {
				again, err := rulefile.Format("f", out)
				require.NoError(t, err)
				require.Equal(t, string(out), string(again))
			}
		} else {
			require.NotEmpty(t, err.Error())
		}
		_, _ = rulefile.ReadCatalog("f", []byte(text), catalog.Shop())
	})
}
