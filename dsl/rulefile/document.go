package rulefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
)

const (
	maxBytes = 8 << 20 // of a file
	maxTold  = 100     // diagnostics: who has more, mends these first
)

// document is a YAML text that is read strictly: every field is known, nothing
// is repeated, and whatever is wrong is told with its place.
type document struct {
	name, text string
	lines      []int // where each line starts
	ds         source.Diagnostics
}

// open reads the YAML and gives its root, nil when the file is empty or cannot be
// read.
func open(name string, data []byte) (*document, *yaml.Node) {
	d := &document{name: name, text: string(data), lines: []int{0}}
	switch i := invalid(d.text); {
	case len(data) > maxBytes:
		d.fail(source.TooLong, source.Span{Start: maxBytes, End: maxBytes + 1}, fmt.Sprintf("a file has at most %d bytes, this one has %d", maxBytes, len(data)), "split it")
		return d, nil
	case i >= 0:
		d.fail(source.BadText, source.Span{Start: i, End: i + 1}, fmt.Sprintf("the byte 0x%02X is not UTF-8 text", d.text[i]), "save the file as UTF-8")
		return d, nil
	}
	for i := range len(d.text) {
		if d.text[i] == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	if strings.HasPrefix(d.text, "\uFEFF") {
		d.lines[0] = len("\uFEFF")
	}
	var root yaml.Node
	if d.onlyComments() {
		return d, nil
	}
	if err := yaml.Load(data, &root); err != nil {
		d.broken(err)
		return d, nil
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) == 0 {
		return d, nil
	}
	return d, root.Content[0]
}

// onlyComments tells of a file that declares nothing, which YAML takes for none.
func (d *document) onlyComments() bool {
	for line := range strings.Lines(strings.TrimPrefix(d.text, "\uFEFF")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// invalid is the offset of the first byte that is not UTF-8, or -1.
func invalid(text string) int {
	for i, r := range text {
		if _, n := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && n == 1 {
			return i
		}
	}
	return -1
}

// broken tells what the YAML reader stumbled over, in words of its own.
func (d *document) broken(err error) {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		d.fail(source.BadFile, source.Span{}, "this is not YAML", "")
		return
	}
	var at source.Span
	if load.Mark.Line > 0 {
		at.Start = d.offset(load.Mark.Line, load.Mark.Column)
		at.End = at.Start
	}
	message := strings.ReplaceAll(strings.TrimPrefix(load.Message, "yaml: "), "token", "sign")
	d.fail(source.BadFile, at, "this is not YAML: "+message, yamlHint(message))
}

func yamlHint(message string) string {
	switch {
	case strings.Contains(message, "mapping values are not allowed"):
		return `a text with ": " in it stands in quotes, or below rule: |`
	case strings.Contains(message, "multiple"):
		return "a file holds one document: leave out ---"
	case strings.Contains(message, "cannot start any"):
		return "indent with spaces, not tabs, and put texts that start with a sign in quotes"
	}
	return ""
}

func (d *document) fail(code source.Code, at source.Span, message, hint string) {
	d.ds = append(d.ds, source.Diagnostic{Code: code, Span: at, Message: message, Hint: hint})
}

// err is everything that was found, nil when nothing was.
func (d *document) err() error {
	if len(d.ds) == 0 {
		return nil
	}
	d.ds.Sort()
	return &Error{Name: d.name, Text: d.text, Diagnostics: d.ds[:min(len(d.ds), maxTold)]}
}

// offset is the place of a line and column, which YAML counts in characters.
func (d *document) offset(line, column int) int {
	if line > len(d.lines) {
		return len(d.text)
	}
	at := d.lines[max(line, 1)-1]
	for ; column > 1 && at < len(d.text) && d.text[at] != '\n'; column-- {
		_, n := utf8.DecodeRuneInString(d.text[at:])
		at += n
	}
	return at
}

// span is where the node is shown: a scalar whole, a list or mapping at its start.
func (d *document) span(n *yaml.Node) source.Span {
	start := d.offset(n.Line, n.Column)
	switch n.Kind {
	case yaml.ScalarNode:
		return d.scalar(n).Whole
	case yaml.MappingNode:
		if len(n.Content) > 0 && n.Style&yaml.FlowStyle == 0 {
			return d.span(n.Content[0])
		}
	}
	return source.Span{Start: start, End: min(start+1, len(d.text))}
}

// field is one field that a mapping may have.
type field struct {
	name     string
	required bool
	read     func(*yaml.Node)
}

// mapping reads the fields of a mapping; what names it in messages. It is false
// when the node is none.
func (d *document) mapping(n *yaml.Node, what string, fields []field) bool {
	if n.Kind != yaml.MappingNode {
		d.fail(source.BadField, d.span(n), fmt.Sprintf("%s is a list of fields such as %s: ...", what, fields[0].name), "")
		return false
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f := indexOf(names, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fail(source.BadField, d.span(key), "the name of a field is a word", "")
		case f < 0:
			hint := "its fields are " + strings.Join(names, ", ")
			if near, ok := source.Closest(key.Value, names); ok {
				hint = "did you mean " + near + "?"
			}
			d.fail(source.UnknownField, d.span(key), fmt.Sprintf("%s has no field %q", what, key.Value), hint)
		case seen[key.Value]:
			d.fail(source.Duplicate, d.span(key), fmt.Sprintf("the field %q stands here twice", key.Value), "")
		case value.Kind == yaml.AliasNode:
			d.fail(source.BadField, d.span(value), "references to other places of the file are not read here", "write it out")
		default:
			fields[f].read(value)
		}
		seen[key.Value] = true
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			d.fail(source.MissingField, d.span(n), fmt.Sprintf("%s needs the field %q", what, f.name), "")
		}
	}
	return true
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// each reads the items of a list.
func (d *document) each(n *yaml.Node, what string, read func(*yaml.Node)) {
	switch {
	case empty(n):
	case n.Kind != yaml.SequenceNode:
		d.fail(source.BadField, d.span(n), what+" is a list: each item starts with -", "")
	default:
		for _, item := range n.Content {
			if item.Kind == yaml.AliasNode {
				d.fail(source.BadField, d.span(item), "references to other places of the file are not read here", "write it out")
				continue
			}
			read(item)
		}
	}
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// str reads a text that is not empty.
func (d *document) str(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch {
		case n.Kind != yaml.ScalarNode:
			d.fail(source.BadField, d.span(n), "a text is expected here", "")
		case empty(n) || strings.TrimSpace(n.Value) == "":
			d.fail(source.BadField, d.span(n), "the text is empty", "")
		default:
			*to = n.Value
		}
	}
}

func (d *document) flag(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		switch {
		case n.Kind == yaml.ScalarNode && n.Value == "true":
			*to = true
		case n.Kind == yaml.ScalarNode && n.Value == "false":
			*to = false
		default:
			d.fail(source.BadField, d.span(n), "true or false is expected here", "")
		}
	}
}

// number reads a whole number that is not negative.
func (d *document) number(to *int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		value, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 10, 64)
		if n.Kind != yaml.ScalarNode || err != nil || value < 0 {
			d.fail(source.BadField, d.span(n), "a whole number is expected here", "")
			return
		}
		*to = value
	}
}

func (d *document) texts(what string, to *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.each(n, what, func(item *yaml.Node) {
			var s string
			d.str(&s)(item)
			if s != "" {
				*to = append(*to, s)
			}
		})
	}
}

// one reads a text that must be one of a few.
func (d *document) one(of []string, to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var s string
		before := len(d.ds)
		d.str(&s)(n)
		switch {
		case len(d.ds) > before:
		case indexOf(of, s) < 0:
			hint := "it is one of " + strings.Join(of, ", ")
			if near, ok := source.Closest(s, of); ok {
				hint = "did you mean " + near + "?"
			}
			d.fail(source.BadField, d.span(n), fmt.Sprintf("%q is not known here", s), hint)
		default:
			*to = s
		}
	}
}

// rule reads a text of the rule language and parses it.
func (d *document) rule(to *Rule) func(*yaml.Node) {
	return func(n *yaml.Node) {
		before := len(d.ds)
		d.str(&to.Text)(n)
		if len(d.ds) > before {
			return
		}
		to.At = d.scalar(n)
		to.node = n
		tree, err := dsl.Parse(to.Text)
		var ds source.Diagnostics
		if errors.As(err, &ds) {
			d.ds = append(d.ds, to.At.Diagnostics(ds)...)
		}
		to.Tree = tree
	}
}

// names finds entries of a list that bear one name.
type names struct {
	d    *document
	seen map[string]bool
}

func (d *document) names() *names { return &names{d, map[string]bool{}} }

// add is called with each entry's name and where it stands.
func (n *names) add(what, name string, at source.Span) {
	if name != "" && n.seen[name] {
		n.d.fail(source.Duplicate, at, fmt.Sprintf("the %s %q is declared twice", what, name), "")
	}
	n.seen[name] = true
}
