package compile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
)

// FuzzCompile reads and checks any text. Whatever parses is checked without a
// panic; a plan comes without errors and only then; a rule means the same after
// it was formatted; what is told lies inside the text and speaks no Go.
func FuzzCompile(f *testing.F) {
	for _, text := range corpus.Texts() {
		f.Add(text)
	}
	data, err := os.ReadFile("testdata/messages.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for section := range strings.SplitSeq(string(data), "\n-- ") {
		if _, body, ok := strings.Cut(section, " --\n"); ok {
			rule, _, _ := strings.Cut(body, "\n----\n")
			f.Add(rule)
		}
	}
	c := strange(f)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := dsl.Parse(text)
		if err != nil {
			return
		}
		p, ds := c.Compile(r, options(text))
		if (p == nil) != ds.HasErrors() {
			t.Fatalf("plan %v, diagnostics %v", p, ds)
		}
		for _, d := range ds {
			if d.Span.Start < 0 || d.Span.End > len(r.Text) || d.Span.Start > d.Span.End || d.Message == "" || d.Code == "" {
				t.Fatalf("%+v is not placed in %q", d, r.Text)
			}
			if d.Fix != nil {
				d.Fix.Apply(r.Text)
			}
			if !goName.MatchString(text) && goName.MatchString(d.Message+" "+d.Hint) {
				t.Fatalf("%+v speaks Go", d)
			}
		}
		source.Render("rule", r.Text, ds)
		if p == nil {
			return
		}
		if again := plan.Canonical(p); again.Fingerprint() != p.Fingerprint() {
			t.Fatalf("the plan is not canonical:\n%s\n%s", p, again)
		}
		formatted := dsl.Format(r)
		q, ds := c.Text(formatted, options(text))
		if q == nil || q.Fingerprint() != p.Fingerprint() {
			t.Fatalf("%q formatted is %q: %v\n%s\n%s", text, formatted, ds, p, q)
		}
	})
}

// The corpus in every scope, with and without midnight, is checked as the fuzzer
// does.
func TestScopes(t *testing.T) {
	c := shop(t)
	for _, text := range corpus.Texts() {
		for _, scope := range []plan.Scope{plan.Members, plan.Guests, plan.Both} {
			p, ds := c.Text(text, compile.Options{Scope: scope, Midnight: true})
			if p == nil && scope != plan.Guests {
				t.Errorf("%s: %v", text, ds)
			}
			for _, d := range ds {
				if d.Severity == source.Error && d.Code != source.NeedsLogin {
					t.Errorf("%s: %v", text, ds)
				}
			}
			if p != nil && p.Scope != scope {
				t.Errorf("%s is over %s", text, p.Scope)
			}
		}
	}
}
