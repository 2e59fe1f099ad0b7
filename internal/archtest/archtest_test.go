package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/dangol-dev/dangol"

// rooms is every package of the root module and what else of the module its
// library files may import. "." is the root package. What is true of all:
// internal/civil and internal/sample import nothing, so anybody may use them.
var rooms = map[string]string{
	".":                 "",
	"internal/archtest": "",
	"internal/bitmap":   "",
	"internal/civil":    "",
	"internal/sample":   "",
	"internal/corpus":   "",

	"dsl/source":   "",
	"dsl/catalog":  ". dsl/source",
	"dsl":          "dsl/source",
	"dsl/rulefile": ". dsl dsl/source dsl/catalog",
	"dsl/shopify":  "dsl dsl/source",

	"eval/plan":     ". dsl/source dsl/catalog internal/civil",
	"eval/compile":  ". dsl dsl/source dsl/catalog eval/plan internal/civil",
	"eval":          ". dsl/source dsl/catalog eval/plan internal/civil internal/sample",
	"eval/columnar": ". dsl/source dsl/catalog eval eval/plan internal/bitmap internal/civil internal/sample",
	"eval/sqlgen":   ". dsl/source dsl/catalog eval/plan internal/civil internal/sample",

	"store":            ". dsl/catalog eval eval/plan internal/sample",
	"store/memstore":   ". dsl/catalog eval eval/plan eval/columnar store",
	"store/sqlstore":   ". dsl/catalog eval eval/plan eval/sqlgen store internal/sample",
	"store/csvdir":     ". dsl/source dsl/catalog store internal/civil",
	"store/storetest":  ". dsl dsl/source dsl/catalog eval eval/compile eval/plan store store/csvdir internal/corpus internal/rulegen",
	"internal/rulegen": ". dsl/catalog eval eval/plan store",

	"segment":             ". dsl dsl/source dsl/catalog dsl/rulefile eval eval/compile eval/plan store internal/civil",
	"segment/segmentsql":  ". segment store/sqlstore",
	"segment/segmenttest": ". dsl/catalog eval segment store",
	"segment/report":      ". segment",

	"coupon":            ". internal/civil",
	"coupon/couponsql":  ". coupon store/sqlstore",
	"coupon/coupontest": ". coupon",

	"message":             ". internal/civil internal/sample",
	"message/messagesql":  ". message store/sqlstore",
	"message/messagetest": ". message",
	"message/sendertest":  ". message",
}

// outside is who alone may import a package from outside the module. A name that
// ends in a slash stands for everything below it.
var outside = map[string]func(room string) bool{
	"github.com/alecthomas/participle/": func(room string) bool { return room == "dsl" },
	"database/sql": func(room string) bool {
		return room == "store/sqlstore" || strings.HasSuffix(room, "sql") || isExample(room)
	},
	"testing":            func(room string) bool { return strings.HasSuffix(room, "test") || room == "internal/rulegen" },
	"modernc.org/sqlite": isExample,
}

func isExample(room string) bool { return strings.HasPrefix(room, "examples/") }

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range sources(t) {
		room := path.Dir(file)
		seen[room] = true
		allowed, ok := rooms[room]
		if !ok && !isExample(room) {
			t.Errorf("%s: the room %q is not in the table; add it with what it may import, or put the file elsewhere", file, room)
			continue
		}
		for _, imp := range imports {
			for prefix, may := range outside {
				if (imp == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(imp, prefix)) && !may(room) {
					t.Errorf("%s imports %s, which is not for %q", file, imp, room)
				}
			}
			in, inside := strings.CutPrefix(imp, module)
			if !inside || isExample(room) {
				continue
			}
			if in = strings.TrimPrefix(in, "/"); in == "" {
				in = "."
			}
			if !slices.Contains(strings.Fields(allowed), in) {
				t.Errorf("%s imports %s: the table does not let %q do so", file, in, room)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("the table names %q, which is not there", room)
		}
	}
}

// The services never import each other, whatever the table is changed to.
func TestServicesStandApart(t *testing.T) {
	services := []string{"segment", "coupon", "message"}
	for room, allowed := range rooms {
		own := strings.Split(room, "/")[0]
		if !slices.Contains(services, own) {
			continue
		}
		for _, in := range strings.Fields(allowed) {
			other := strings.Split(in, "/")[0]
			require.False(t, slices.Contains(services, other) && other != own, "%s may import %s", room, in)
		}
	}
}

// A file is one idea.
func TestNoFileIsTooLong(t *testing.T) {
	const most = 600
	for file := range sources(t) {
		text, err := os.ReadFile(filepath.Join("../..", file))
		require.NoError(t, err)
		if lines := strings.Count(string(text), "\n"); lines > most {
			t.Errorf("%s has %d lines; a file is one idea of at most %d", file, lines, most)
		}
	}
}

// sources are the library files of the root module with their imports, by path
// from the root: no tests, and nothing of nested modules.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	root := "../.."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == root {
				return nil
			}
			if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imp)
		}
		out[filepath.ToSlash(rel)] = imports
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}
