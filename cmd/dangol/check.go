package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/rulefile"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
)

type checkCmd struct {
	catalogFlags
	Format string   `enum:"text,json" default:"text" help:"One of ${enum}. Defaults to text."`
	Files  []string `arg:"" name:"file" help:"YAML files of groups and conditions. Names are shared by all of them."`
}

// finding is a diagnostic with its place, as JSON.
type finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// checked is what was found in one file.
type checked struct {
	Name        string    `json:"file"`
	Groups      int       `json:"groups"`
	Conditions  int       `json:"conditions"`
	Diagnostics []finding `json:"diagnostics"`

	file  *rulefile.File // nil when it could not be read
	text  string
	found source.Diagnostics
}

// Run is the command.
func (c *checkCmd) Run(s *streams) error {
	files, err := c.check()
	if err != nil {
		return err
	}
	failed := false
	for _, f := range files {
		f.found.Sort()
		failed = failed || f.found.HasErrors()
		f.Diagnostics = []finding{}
		for _, d := range f.found {
			at := source.Position{}
			if d.Span != (source.Span{}) {
				at = source.Locate(f.text, d.Span.Start)
			}
			f.Diagnostics = append(f.Diagnostics, finding{string(d.Code), d.Severity.String(), at.Line, at.Column, d.Message, d.Hint})
		}
		if shown := render(f.Name, f.text, f.found); shown != "" && c.Format == "text" {
			fmt.Fprintln(s.err, shown)
		}
	}
	if c.Format == "json" {
		if err := s.json(files); err != nil {
			return err
		}
	}
	if failed {
		return wrong{}
	}
	return nil
}

// check reads all files and then their rules, since they share names.
func (c *checkCmd) check() ([]*checked, error) {
	cat, err := c.read()
	if err != nil {
		return nil, err
	}
	var files []*checked
	groups := map[string]bool{}
	for _, name := range c.Files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		one := &checked{Name: name, text: string(data)}
		files = append(files, one)
		one.file, err = rulefile.Read(name, data)
		if err == nil {
			one.text, one.Groups, one.Conditions = one.file.Text, len(one.file.Groups), len(one.file.Conditions)
			var more *catalog.Catalog
			if more, err = one.file.Catalog(cat); err == nil {
				cat = more
			}
		}
		if bad := (*rulefile.Error)(nil); errors.As(err, &bad) {
			one.text, one.found, one.file = bad.Text, bad.Diagnostics, nil
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, g := range one.file.Groups {
			groups[g.Name] = true
		}
	}
	rules, err := compile.New(cat)
	broken := map[string]bool{}
	if err != nil {
		if err := blame(files, err, broken); err != nil {
			return files, err
		}
		if rules, err = compile.New(mended(cat, broken)); err != nil {
			return files, nil // what stands wrong was said; nothing more can be read
		}
	}
	known := func(name string) bool { return groups[name] }
	if slices.ContainsFunc(files, func(f *checked) bool { return f.file == nil }) {
		known = nil // some names may stand in what could not be read
	}
	reads := map[string][]string{}
	for _, f := range files {
		if f.file == nil {
			continue
		}
		for _, g := range f.file.Groups {
			p, found := rules.Compile(g.Rule.Tree, compile.Options{
				Scope: plan.Scope(g.Scope), Groups: known, Midnight: g.Schedule == rulefile.Schedule{},
			})
			if names(g.Rule.Text, broken) {
				found = slices.DeleteFunc(found, func(d source.Diagnostic) bool { return d.Severity == source.Warning })
			}
			f.found = append(f.found, g.Rule.At.Diagnostics(found)...)
			if p != nil {
				reads[g.Name] = p.Groups
			}
		}
	}
	for _, f := range files {
		f.cycles(reads)
	}
	return files, nil
}

func (f *checked) cycles(reads map[string][]string) {
	if f.file == nil {
		return
	}
	for _, g := range f.file.Groups {
		if path := cycle(reads, g.Name); path != nil {
			f.found = append(f.found, source.Diagnostic{
				Code: source.Cycle, Span: g.NameAt,
				Message: fmt.Sprintf("the group reads itself: %s", strings.Join(path, ", which reads ")),
			})
		}
	}
}

// cycle is a shortest path by which a group reads itself, nil for none.
func cycle(reads map[string][]string, name string) []string {
	paths := [][]string{{name}}
	seen := map[string]bool{}
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		for _, next := range reads[path[len(path)-1]] {
			longer := append(slices.Clone(path), next)
			if next == name {
				return longer
			}
			if !seen[next] {
				seen[next] = true
				paths = append(paths, longer)
			}
		}
	}
	return nil
}

// mended is the catalog with something that compiles in place of each broken
// condition, so that the groups of the same files can be checked all the same.
func mended(cat *catalog.Catalog, broken map[string]bool) *catalog.Catalog {
	out := *cat
	out.Conditions = slices.Clone(cat.Conditions)
	for i, c := range out.Conditions {
		if broken[c.Name] && len(cat.Kinds) > 0 {
			out.Conditions[i].Text = cat.Kinds[0].Name + " >= 1"
		}
	}
	return &out
}

var word = regexp.MustCompile(`[\pL_][\pL\pN_]*`)

// names reports whether a rule's text holds one of the names. A warning about such
// a rule may come of what stands in for the broken condition.
func names(text string, of map[string]bool) bool {
	return slices.ContainsFunc(word.FindAllString(text, -1), func(w string) bool { return of[w] })
}

// blame moves what is wrong with texts of the catalog to the conditions of the
// files that they are, and notes their names. What stands in no file is returned.
func blame(files []*checked, err error, broken map[string]bool) error {
	var rest []error
	for _, one := range parts(err) {
		var bad *compile.CatalogError
		if !errors.As(one, &bad) || !own(files, bad, broken) {
			rest = append(rest, one)
		}
	}
	if len(rest) > 0 {
		return wrong{errors.Join(rest...).Error()}
	}
	return nil
}

func own(files []*checked, bad *compile.CatalogError, broken map[string]bool) bool {
	for _, f := range files {
		if f.file == nil {
			continue
		}
		for _, c := range f.file.Conditions {
			if bad.Of == "condition "+c.Name {
				f.found = append(f.found, c.Rule.At.Diagnostics(bad.Diagnostics)...)
				broken[c.Name] = true
				return true
			}
		}
	}
	return false
}

// parts are the errors that were joined.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
