package storetest

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/csvdir"
)

// Scripts are the scripts of this package: the laws of the language, one a file,
// and what the source systems can say.
//
//go:embed scripts/*.txt
var Scripts embed.FS

// RunScripts runs every *.txt of a file system as a script, nil for Scripts. A
// script is a shop, and questions with the customers that answer them:
//
//	# What is shown here, in words.
//	zone Asia/Seoul
//	-- customers.csv --
//	id,joined
//	in,2026-03-03
//	out,2026-03-02
//	-- questions --
//	as-of 2026-03-10
//	joined within 7d     -> in
//	not joined within 7d -> out
//
// The files are those that package csvdir reads, over catalog.Shop(). Questions are
// asked in their order. A line of them is one of
//
//	RULE -> ids               the members, in the order of their bytes; none for nobody
//	RULE -> ids (exact)       and nothing untimed was read
//	RULE -> ids (reads NAMES) and these were, so that the answer is not exact
//	RULE -> ! TEXT            no answer, and an error with the text
//	as-of T                   from here on: a day (its local start) or RFC 3339
//	zone Z, scope S           from here on; UTC and members before
//	group NAME: ids           what `in group "NAME"` finds
//	broken group NAME: TEXT   a group that has an error instead
//	merge G into C            the guest logs in
//	# a comment
//
// A zone above the files is that of their bare dates too.
func RunScripts(t *testing.T, open Opener, scripts fs.FS, opts ...Option) {
	o := settle(opts)
	if scripts == nil {
		scripts = Scripts
	}
	var names []string
	err := fs.WalkDir(scripts, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".txt" && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range names {
		o.run(t, strings.TrimSuffix(path.Base(name), ".txt"), func(t *testing.T) {
			text, err := fs.ReadFile(scripts, name)
			if err != nil {
				t.Fatal(err)
			}
			runScript(t, open, string(text))
		})
	}
}

// questions is the file of a script that holds them.
const questions = "questions"

// script is a script being run.
type script struct {
	*testing.T
	store  store.Store
	rules  *compile.Compiler
	zone   *time.Location
	asOf   time.Time
	scope  plan.Scope
	groups scriptGroups
}

func runScript(t *testing.T, open Opener, text string) {
	head, files, first := split(text)
	cat := catalog.Shop()
	rules, err := compile.New(cat)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{T: t, store: open(t, cat), rules: rules, zone: time.UTC, scope: plan.Members, groups: scriptGroups{}}
	for i, line := range strings.Split(head, "\n") {
		s.line(i+1, line)
	}
	asked := string(files[questions].Data)
	delete(files, questions)
	if err := csvdir.LoadFS(t.Context(), files, s.store, csvdir.Options{Zone: s.zone}); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(asked, "\n") {
		s.line(first+i, line)
	}
	if t.Failed() {
		t.Logf("the script:\n%s", head)
	}
}

// split takes a script apart: what stands above the files, the files, and the line
// on which the questions begin.
func split(text string) (head string, files fstest.MapFS, first int) {
	files = fstest.MapFS{questions: {}}
	at := &fstest.MapFile{}
	top := at
	n := 0
	for line := range strings.Lines(text) {
		n++
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(strings.TrimSpace(name), " --")
			at = &fstest.MapFile{}
			files[name] = at
			if name == questions {
				first = n + 1
			}
			continue
		}
		at.Data = append(at.Data, line...)
	}
	return string(top.Data), files, first
}

// line does what a line says.
func (s *script) line(n int, line string) {
	s.Helper()
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	if rule, want, ok := strings.Cut(line, "->"); ok {
		s.ask(n, strings.TrimSpace(rule), strings.TrimSpace(want))
		return
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch word {
	case "zone":
		s.zone, err = time.LoadLocation(rest)
	case "as-of":
		s.asOf, err = s.moment(rest)
	case "scope":
		s.scope = plan.Scope(rest)
	case "group":
		name, ids, _ := strings.Cut(rest, ":")
		s.groups[name] = scriptGroup{ids: strings.Fields(ids)}
	case "broken":
		name, why, _ := strings.Cut(strings.TrimPrefix(rest, "group "), ":")
		s.groups[name] = scriptGroup{broken: fmt.Errorf("%s", strings.TrimSpace(why))}
	case "merge":
		from, to, _ := strings.Cut(rest, " into ")
		err = s.store.Apply(s.Context(), merge(dangol.CustomerID(from), dangol.CustomerID(to)))
	default:
		err = fmt.Errorf("what is %q?", line)
	}
	if err != nil {
		s.Fatalf("line %d: %v", n, err)
	}
}

func (s *script) moment(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return time.UnixMicro(plan.StartOfDay(day.Unix()/86400, s.zone)), nil
	}
	return time.Parse(time.RFC3339Nano, text)
}

// ask asks a rule and compares the answer with what the script wants.
func (s *script) ask(n int, rule, want string) {
	s.Helper()
	p, found := s.rules.Text(rule, compile.Options{Scope: s.scope})
	if p == nil {
		if text, ok := strings.CutPrefix(want, "! "); !ok || !strings.Contains(found.Error(), text) {
			s.Errorf("line %d: %s", n, source.Render("rule", rule, found))
		}
		return
	}
	answers, err := s.store.Select(s.Context(), store.Query{Plans: []*plan.Plan{p}, AsOf: s.asOf, Zone: s.zone, Groups: s.groups})
	if err != nil || len(answers) != 1 {
		s.Fatalf("line %d: Select gave %d answers to a plan, %v", n, len(answers), err)
	}
	a := answers[0]
	if text, ok := strings.CutPrefix(want, "! "); ok || a.Err != nil {
		if !ok || a.Err == nil || !strings.Contains(a.Err.Error(), text) {
			s.Errorf("line %d: %s\nwant %q, got the error %v", n, rule, want, a.Err)
		}
		return
	}
	want, reads, told := strings.Cut(strings.TrimSuffix(want, ")"), "(")
	var got []string
	for id := range a.Members.All() {
		got = append(got, string(id))
	}
	if !slices.Equal(got, strings.Fields(want)) {
		s.Errorf("line %d: as of %s, %s:\n  %s\nwant %s\ngot  %s", n, s.asOf.In(s.zone).Format(time.RFC3339), s.scope, rule,
			strings.Join(strings.Fields(want), " "), strings.Join(got, " "))
	}
	if !told {
		return
	}
	exact := reads == "exact"
	if a.Exact != exact || !exact && reads != "reads "+strings.Join(a.Current, " ") {
		s.Errorf("line %d: %s\nwant (%s), got exact %v, current %q", n, rule, reads, a.Exact, a.Current)
	}
}

// scriptGroups answers `in group`.
type scriptGroups map[string]scriptGroup

type scriptGroup struct {
	ids    []string
	broken error
}

func (g scriptGroups) Contains(group string, id dangol.CustomerID) (bool, error) {
	one, ok := g[group]
	if !ok {
		return false, fmt.Errorf("no group is called %q", group)
	}
	return slices.Contains(one.ids, string(id)), one.broken
}
