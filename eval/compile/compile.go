// Package compile checks a rule against a catalog and makes the typed, canonical
// plan of it: text, tree, plan. Whatever is wrong with a rule is told here, with
// its place and how to mend it; a rule that compiles cannot fail on data.
package compile

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Compiler checks rules against one catalog. It is immutable and safe for
// concurrent use.
type Compiler struct {
	words *vocabulary
}

// New reads the catalog: its declarations, and the texts of what is derived, of
// views, measures and conditions. Everything that is wrong is told at once: the
// error joins one for each fault, those of texts as *CatalogError. The catalog
// must not be changed afterwards.
func New(cat *catalog.Catalog) (*Compiler, error) {
	if err := cat.Validate(); err != nil {
		return nil, err
	}
	words, err := read(cat)
	if err != nil {
		return nil, err
	}
	return &Compiler{words}, nil
}

// Options are what a rule is compiled for. The zero value is a rule over members
// that may name any group.
type Options struct {
	// Scope is the population. Defaults to plan.Members.
	Scope plan.Scope
	// Groups tells whether a group exists. Defaults to taking every name.
	Groups func(name string) bool
	// Midnight says that the rule is answered as of local midnights only, where
	// today is always empty: a warning.
	Midnight bool
}

// Text parses and compiles. The plan is nil if and only if the diagnostics have
// errors; warnings come with a plan.
func (c *Compiler) Text(text string, o Options) (*plan.Plan, source.Diagnostics) {
	r, err := dsl.Parse(text)
	if err != nil {
		if ds, ok := err.(source.Diagnostics); ok {
			return nil, ds
		}
		return nil, source.Diagnostics{{Code: source.BadText, Message: err.Error()}}
	}
	return c.Compile(r, o)
}

// Compile checks a parsed rule and makes its canonical plan. The plan is nil if
// and only if the diagnostics, which are sorted by place, have errors.
func (c *Compiler) Compile(r *dsl.Rule, o Options) (*plan.Plan, source.Diagnostics) {
	if r == nil || r.Expr == nil {
		return nil, source.Diagnostics{{Code: source.Unexpected, Message: "there is no rule"}}
	}
	ch := newChecker(c.words, r.Text, o)
	root := ch.test(r.Expr)
	if !ch.found.HasErrors() {
		ch.advise(r.Expr, root)
	}
	ds := ch.diagnostics()
	if ds.HasErrors() {
		return nil, ds
	}
	p := plan.Canonical(&plan.Plan{Root: root, Scope: ch.opts.Scope, Text: r.Text})
	p.Groups, p.Current = c.words.reads(p.Root)
	return p, ds
}

// checker is one walk over one rule. Where an error was found it goes on with a
// value that nothing complains about any more.
type checker struct {
	words *vocabulary
	opts  Options
	text  string
	found source.Diagnostics
	steps int

	standpoint

	// What advice is given from.
	domains map[plan.Expr]domain    // of what is compared with constants
	named   map[plan.Test]bool      // tests of the catalog, which are not the author's to mend
	negated map[plan.Test]plan.Expr // time tests written with not, which hold where the time is missing
}

// standpoint is where the walk stands. A text of the catalog is read at the place
// of the name that stands for it: all its nodes get that span.
type standpoint struct {
	quoting bool
	at      source.Span
	record  *record    // the record that names belong to, nil for the customer
	reading []*phrase  // the catalog's texts being read, outermost first
	call    *arguments // the window and where given to the measure being read
	beside  *value     // what the value being read is compared with, or nil
}

func newChecker(words *vocabulary, text string, o Options) *checker {
	if o.Scope == "" {
		o.Scope = plan.Members
	}
	return &checker{words: words, text: text, opts: o, domains: map[plan.Expr]domain{}, named: map[plan.Test]bool{}, negated: map[plan.Test]plan.Expr{}}
}

// record is a level of records within a where: the kind as it was named, and how
// many parents up it lies from the record at hand.
type record struct {
	kind *kind
	up   int
}

// maxSteps bounds the work that texts of the catalog can unfold to.
const maxSteps = 200_000

// span is the place of a node in the author's text.
func (c *checker) span(s source.Span) source.Span {
	if c.quoting {
		return c.at
	}
	return s
}

// written is the author's own words at a place.
func (c *checker) written(s source.Span) string {
	if s.Start < 0 || s.End > len(c.text) || s.Start >= s.End {
		return "this"
	}
	return c.text[s.Start:s.End]
}

// quote is the same for messages, on one line and cut when long.
func (c *checker) quote(s source.Span) string {
	text := c.written(s)
	if strings.ContainsAny(text, "\n\t\r") {
		text = strings.Join(strings.Fields(text), " ")
	}
	if utf8.RuneCountInString(text) <= 50 {
		return text
	}
	return string([]rune(text)[:47]) + "..."
}

// diagnostics is what was found, sorted, each once: a where given to a measure is
// read for each of its aggregates.
func (c *checker) diagnostics() source.Diagnostics {
	c.found.Sort()
	return slices.CompactFunc(c.found, func(a, b source.Diagnostic) bool {
		return a.Code == b.Code && a.Span == b.Span && a.Message == b.Message
	})
}

// enter reads a text of the catalog in the place of its name. It is false when
// that text is being read already.
func (c *checker) enter(p *phrase, at source.Span, rec *record, call *arguments, read func()) bool {
	if slices.Contains(c.reading, p) {
		c.errCycle(at, append(slices.Clone(c.reading), p))
		return false
	}
	saved := c.standpoint
	c.standpoint = standpoint{quoting: true, at: at, record: rec, reading: append(c.reading, p), call: call}
	read()
	c.standpoint = saved
	return true
}
