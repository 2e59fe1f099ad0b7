package sqlgen_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/stretchr/testify/require"
)

// What the generator may refuse, by the words of its source, and the rows of the
// documentation that tell of it.
var refused = []struct {
	words, row string
	rule       string // that is refused for it
	without    func(*sqlgen.Schema)
}{
	{"sample, without a bucket column", "`sample`", `sample(10%, "spring")`, func(s *sqlgen.Schema) { s.Bucket = "" }},
	{"in group, without a table of memberships", "`in group`", `in group "vip"`, func(s *sqlgen.Schema) { s.Groups = nil }},
	{"a window that starts or ends at a day of each customer", "windows that start at a day of each customer (`orders(since birthday)`)",
		"orders(since birthday) >= 1", nil},
	{"a day as a moment of each customer", "days against a moment of each customer (`birthday after joined`)", "birthday after joined", nil},
	{"…, which has no column", notMapped, "points >= 1", func(s *sqlgen.Schema) { delete(s.Customers.Columns, "points") }},
	{"….…, which has no column", notMapped, "sum(orders.total) >= 1", func(s *sqlgen.Schema) { delete(s.Records["all_orders"].Columns, "total") }},
	{"the set …, which has no table", notMapped, `tags contains "vip"`, func(s *sqlgen.Schema) { delete(s.Sets, "tags") }},
	{"records of …, which have no table", notMapped, "visits >= 1", func(s *sqlgen.Schema) { delete(s.Records, "visits") }},
	{"the parent of %s, which has no table", notMapped, "items >= 1", func(s *sqlgen.Schema) { delete(s.Records, "all_orders") }},
}

const notMapped = "attributes, fields, sets and records that are not mapped"

// What no rule that compiles can ask, and why.
var unasked = map[string]string{
	"an aggregate within a record":                    "a rule has no aggregate inside where",
	"an anniversary within a moment of each customer": "an anniversary's window is of days that the question fixes",
	"a literal set":          "sets are tested for their items, never written as values",
	"… outside its record":   "the compiler reads a field only within its record",
	"a test of the sort %T":  "all tests of package plan are known",
	"a value of the sort %T": "all values of package plan are known",
	"the aggregate …":        "all aggregates of package plan are known",
	"a rank without its cut": "who asks for members finds the cuts first",
	"the values of a rank that is not of one kind's records beside plans": "who asks for values beside plans asks Partition first",
}

// The documentation lists what statements do not answer: each of its rows, but for those
// that opening a mapping refuses, is met by a rule on every engine, and whatever words the
// generator refuses with are told of there or cannot be met.
func TestDocumentsTellWhatIsUnsupported(t *testing.T) {
	text, err := os.ReadFile("../../docs/mapping.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## What is not answered\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) == 4 && strings.TrimSpace(cells[1]) != "what" && !strings.HasPrefix(cells[1], "---") && !strings.Contains(cells[2], "opening the mapping") {
			rows = append(rows, strings.TrimSpace(cells[1]))
		}
	}
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	told := map[string]bool{}
	known := maps.Clone(unasked)
	for _, r := range refused {
		told[r.row], known[r.words] = true, ""
		p, ds := c.Text(r.rule, compile.Options{})
		require.False(t, ds.HasErrors(), "%s: %v", r.rule, ds)
		for _, d := range dialects {
			schema := plainSchema(catalog.Shop())
			q := sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: time.Unix(1_790_000_000, 0), Zone: time.UTC}
			if r.without != nil {
				_, err := sqlgen.Select(d, schema, q, nil)
				require.NoError(t, err, "%s: %s with all that it reads", d, r.rule)
				r.without(schema)
			}
			_, err := sqlgen.Select(d, schema, q, nil)
			var no *plan.Unsupported
			require.ErrorAs(t, err, &no, "%s: %s", d, r.rule)
			for _, part := range strings.FieldsFunc(strings.ReplaceAll(r.words, "%s", "…"), func(c rune) bool { return c == '…' }) {
				require.Contains(t, no.Node, part, "%s: %s", d, r.rule)
			}
		}
	}
	for _, rule := range []string{"orders(where visits >= 1)", "anniversary(birthday) within since joined"} {
		_, ds := c.Text(rule, compile.Options{})
		require.True(t, ds.HasErrors(), rule)
	}
	require.ElementsMatch(t, rows, slices.Collect(maps.Keys(told)))
	require.ElementsMatch(t, slices.Collect(maps.Keys(refusals(t))), slices.Collect(maps.Keys(known)))
}

// refusals are the words that the generator's source fails with; … is what it fills in.
func refusals(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "fail" {
				out[words(call.Args[1])] = true
			}
			return true
		})
	}
	return out
}

func words(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return words(e.X) + words(e.Y)
	case *ast.CallExpr: // fmt.Sprintf, or a conversion
		return words(e.Args[0])
	}
	return "…"
}
