package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// checker is a test of one store.
type checker struct {
	*testing.T
	catalog *catalog.Catalog
	store   store.Store
	rules   *compile.Compiler
	parents map[string]string
}

func newChecker(t *testing.T, open Opener, c *catalog.Catalog) *checker {
	t.Helper()
	rules, err := compile.New(c)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := store.NewSchema(c)
	if err != nil {
		t.Fatal(err)
	}
	parents := map[string]string{}
	for _, k := range schema.Kinds {
		if k.Parent != nil {
			parents[k.Kind] = k.Parent.Kind
		}
	}
	return &checker{t, c, open(t, c), rules, parents}
}

// The shapes of changes.
type fields = map[string]catalog.Value

func num(n int64) catalog.Value     { return catalog.NumberValue(n) }
func str(s string) catalog.Value    { return catalog.StringValue(s) }
func at(text string) time.Time      { t, _ := time.Parse(time.RFC3339Nano, text); return t }
func ins(text string) catalog.Value { return catalog.TimeValue(at(text)) }

func put(id dangol.CustomerID, f fields) store.Change { return store.Change{Customer: id, Fields: f} }

func guest(id dangol.CustomerID, f fields) store.Change {
	return store.Change{Customer: id, Guest: true, Fields: f}
}

func record(kind string, id dangol.CustomerID, key string, f fields) store.Change {
	return store.Change{Customer: id, Kind: kind, Key: key, Fields: f}
}

func item(id dangol.CustomerID, key, order string, f fields) store.Change {
	return store.Change{Customer: id, Kind: "items", Key: key, Parent: order, Fields: f}
}

func product(key string, f fields) store.Change {
	return store.Change{Kind: "products", Key: key, Fields: f}
}

func set(c store.Change) store.Change { c.Op = store.Set; return c }

func remove(c store.Change) store.Change { c.Op, c.Fields, c.Parent = store.Delete, nil, ""; return c }

func merge(from, to dangol.CustomerID) store.Change {
	return store.Change{Op: store.Merge, Customer: to, From: from}
}

// apply makes changes that are right.
func (c *checker) apply(changes ...store.Change) {
	c.Helper()
	if err := c.store.Apply(c.Context(), changes...); err != nil {
		c.Fatalf("Apply: %v", err)
	}
}

// refuse makes changes of which the last one is wrong for that reason, and checks
// that nothing has changed.
func (c *checker) refuse(why string, changes ...store.Change) {
	c.Helper()
	before := c.all()
	err := c.store.Apply(c.Context(), changes...)
	var bad *store.InvalidError
	if !errors.As(err, &bad) {
		c.Fatalf("want an *store.InvalidError that says %q, got %v", why, err)
	}
	if bad.Index != len(changes)-1 || bad.Change.Key != changes[bad.Index].Key || bad.Change.Customer != changes[bad.Index].Customer {
		c.Errorf("the error blames change %d, %+v; the last one is wrong", bad.Index, bad.Change)
	}
	if !strings.Contains(bad.Error(), why) {
		c.Errorf("the error says %q; want something with %q", bad, why)
	}
	if d := diff(before, c.all()); d != "" {
		c.Errorf("a refused Apply changed the data\n%s", d)
	}
}

// watched are the customers whose rows refuse compares.
var watched = []dangol.CustomerID{"a", "b", "c", "g"}

func (c *checker) all() string {
	c.Helper()
	var b strings.Builder
	for _, id := range watched {
		b.WriteString(c.dump(id))
	}
	return b.String()
}

// dump is the customer as text, "" for none.
func (c *checker) dump(id dangol.CustomerID) string {
	c.Helper()
	got, err := c.store.Customer(c.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err != nil {
		c.Fatalf("Customer(%q): %v", id, err)
	}
	if err := tied(got, c.parents); err != nil {
		c.Errorf("customer %q: %v", id, err)
	}
	return Dump(got)
}

// want checks how a customer reads, "" for one who does not exist. Lines start
// below the first newline, and their common indent does not count.
func (c *checker) want(id dangol.CustomerID, text string) {
	c.Helper()
	if d := diff(unindent(text), c.dump(id)); d != "" {
		c.Errorf("customer %q: %s", id, d)
	}
}

func unindent(text string) string {
	lines := strings.Split(strings.TrimPrefix(text, "\n"), "\n")
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], "\t"))
	for i, line := range lines {
		lines[i] = line[min(indent, len(line)-len(strings.TrimLeft(line, "\t"))):]
	}
	return strings.Join(lines, "\n")
}

// plan compiles a rule over a scope.
func (c *checker) plan(rule string, scope plan.Scope) *plan.Plan {
	c.Helper()
	p, found := c.rules.Text(rule, compile.Options{Scope: scope})
	if p == nil {
		c.Fatalf("%s", source.Render("rule", rule, found))
	}
	return p
}

// noon is a moment after everything that the cases put.
var noon = at("2026-03-10T12:00:00Z")

// ask answers rules over members as of noon.
func (c *checker) ask(rules ...string) []store.Answer {
	c.Helper()
	q := store.Query{AsOf: noon}
	for _, rule := range rules {
		q.Plans = append(q.Plans, c.plan(rule, plan.Members))
	}
	return c.query(c.Context(), q)
}

func (c *checker) query(ctx context.Context, q store.Query) []store.Answer {
	c.Helper()
	answers, err := c.store.Select(ctx, q)
	if err != nil {
		c.Fatalf("Select: %v", err)
	}
	if len(answers) != len(q.Plans) {
		c.Fatalf("Select gave %d answers to %d plans", len(answers), len(q.Plans))
	}
	return answers
}

// members checks the members of an answer, given as words, and that its three
// methods agree.
func (c *checker) members(a store.Answer, want string) {
	c.Helper()
	if a.Err != nil {
		c.Errorf("want the members %q, got the error %v", want, a.Err)
		return
	}
	var got []string
	for id := range a.Members.All() {
		got = append(got, string(id))
		if !a.Members.Contains(id) {
			c.Errorf("All yields %q, which Contains denies", id)
		}
	}
	if a.Members.Len() != len(got) || !slices.IsSorted(got) || a.Members.Contains("no such customer") {
		c.Errorf("Len is %d, All yields %q in order: %v", a.Members.Len(), got, slices.IsSorted(got))
	}
	if strings.Join(got, " ") != want {
		c.Errorf("want the members %q, got %q", want, strings.Join(got, " "))
	}
}

// brokenGroups answers every question about a group with an error.
type brokenGroups struct{ err error }

func (b brokenGroups) Contains(string, dangol.CustomerID) (bool, error) { return false, b.err }

var _ eval.Memberships = brokenGroups{}
