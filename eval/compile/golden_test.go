package compile_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

var update = flag.Bool("update", false, "write what the checker says into testdata")

// example is a rule and all that is told about it, as an author sees it. A
// comment in the rule may say for what it is compiled: # guests, # midnight.
type example struct{ name, rule, told string }

// examples reads a txtar file: a section an example, rule and output parted by a
// line of dashes.
func examples(t *testing.T, file string) []example {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []example
	for _, line := range strings.SplitAfter(string(data), "\n") {
		name, isHead := strings.CutPrefix(strings.TrimSuffix(line, " --\n"), "-- ")
		switch {
		case isHead && strings.HasSuffix(line, " --\n"):
			out = append(out, example{name: name})
		case len(out) > 0:
			out[len(out)-1].rule += line
		}
	}
	for i := range out {
		rule, told, _ := strings.Cut(out[i].rule, "\n----\n")
		out[i].rule, out[i].told = strings.Trim(rule, "\n"), strings.Trim(told, "\n")
	}
	return out
}

func write(t *testing.T, file string, list []example) {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "-- %s --\n%s\n----\n%s\n\n", e.name, e.rule, e.told)
	}
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
}

// strange is the shop with what only odd catalogs have.
func strange(t testing.TB) *compile.Compiler {
	cat := catalog.Shop()
	cat.Attributes = append(cat.Attributes,
		catalog.Attribute{Name: "risk", Type: catalog.Type{Sort: catalog.Number}, Hidden: true},
		catalog.Attribute{Name: "deposit", Type: catalog.Type{Sort: catalog.Money, Currency: "USD"}},
		catalog.Attribute{Name: "weight", Type: catalog.Type{Sort: catalog.Number, Scale: 3}},
		catalog.Attribute{Name: "universe", Type: catalog.Type{Sort: catalog.Number, Max: 1 << 60}},
		catalog.Attribute{Name: "number", Type: catalog.Type{Sort: catalog.Number}, Required: true},
		catalog.Attribute{Name: "last", Type: catalog.Type{Sort: catalog.Instant}},
		catalog.Attribute{Name: "renewal", Type: catalog.Type{Sort: catalog.Date}, Due: true},
		catalog.Attribute{Name: "interests", Type: catalog.Type{Sort: catalog.Set, Values: []string{"shoes", "hats", "bags"}}},
	)
	cat.Dimensions = append(cat.Dimensions, catalog.Dimension{Name: "makers", Fields: []catalog.Field{{Name: "brand", Type: catalog.Type{Sort: catalog.String}}}})
	cat.Kinds = append(cat.Kinds, catalog.Kind{
		Name: "repairs", Time: "at", Dimensions: map[string]string{"product": "products", "maker": "makers"},
		Fields: []catalog.Field{
			{Name: "at", Type: catalog.Type{Sort: catalog.Instant}},
			{Name: "product", Type: catalog.Type{Sort: catalog.String}},
			{Name: "maker", Type: catalog.Type{Sort: catalog.String}},
			{Name: "secret", Type: catalog.Type{Sort: catalog.String}, Hidden: true},
			{Name: "urgent", Type: catalog.Type{Sort: catalog.Bool}},
			{Name: "parts", Type: catalog.Type{Sort: catalog.Set}},
		},
	})
	cat.Conditions = append(cat.Conditions, catalog.Condition{Name: "korean", Text: `country = "KR"`})
	c, err := compile.New(cat)
	require.NoError(t, err)
	return c
}

func options(rule string) compile.Options {
	o := compile.Options{Groups: func(name string) bool { return name == "VIP" }}
	if strings.Contains(rule, "# guests") {
		o.Scope = plan.Guests
	}
	o.Midnight = strings.Contains(rule, "# midnight")
	return o
}

func TestMessages(t *testing.T) {
	c := strange(t)
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		list := examples(t, file)
		for i := range list {
			e := &list[i]
			p, ds := c.Text(e.rule, options(e.rule))
			require.Equal(t, ds.HasErrors(), p == nil, e.name)
			told := strings.TrimSuffix(source.Render("rule", e.rule, ds), "\n")
			for _, d := range ds {
				if d.Fix != nil {
					told += "\nmended: " + strings.ReplaceAll(d.Fix.Apply(e.rule), "\n", "\n        ")
				}
			}
			if *update {
				e.told = told
			} else if diff := cmp.Diff(e.told, told); diff != "" {
				t.Errorf("%s: %s\n%s", file, e.name, diff)
			}
			code, _, _ := strings.Cut(e.name, ":")
			if code == "fine" && told != "" || code != "fine" && !strings.Contains(told, code+": ") {
				t.Errorf("%s is no example of its code:\n%s", e.name, told)
			}
		}
		if *update {
			write(t, file, list)
		}
	}
}

// A fix does what its hint says: what it was about is gone from the mended rule.
func TestFixesMend(t *testing.T) {
	c := strange(t)
	for _, e := range examples(t, "testdata/messages.txtar") {
		_, ds := c.Text(e.rule, options(e.rule))
		for _, d := range ds {
			if d.Fix == nil {
				continue
			}
			mended := d.Fix.Apply(e.rule)
			_, err := dsl.Parse(mended)
			require.NoError(t, err, "%s\n%s", e.name, mended)
			_, after := c.Text(mended, options(mended))
			require.Less(t, countOf(after, d.Code), countOf(ds, d.Code), "%s\n%s\n%s", e.name, mended, source.Render("rule", mended, after))
		}
	}
}

func countOf(ds source.Diagnostics, code source.Code) int {
	n := 0
	for _, d := range ds {
		if d.Code == code {
			n++
		}
	}
	return n
}

var goName = regexp.MustCompile(`\b(dsl|plan|catalog|source)\.[A-Z]|\b(nil|struct|interface|int64|bool|EOF)\b|\b[A-Z][a-z]+[A-Z]|%!`)

func TestNoMessageSpeaksGo(t *testing.T) {
	c := strange(t)
	for _, e := range examples(t, "testdata/messages.txtar") {
		_, ds := c.Text(e.rule, options(e.rule))
		for _, d := range ds {
			require.NotRegexp(t, goName, d.Message+" "+d.Hint, e.name)
		}
	}
}
