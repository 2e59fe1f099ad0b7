package rulefile

import (
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/dangol-dev/dangol/dsl"
	"github.com/dangol-dev/dangol/dsl/source"
)

// Format writes the rules of a file in the house style and leaves every other
// byte as it is. A rule that does not fit its place any more, such as one line in
// quotes that is now four, becomes a block; inside of {} and [], where no block
// can stand, it is left alone. Format returns the *Error of Read when the file
// cannot be read.
func Format(name string, data []byte) ([]byte, error) {
	f, err := Read(name, data)
	if err != nil {
		return nil, err
	}
	var edits []source.Fix
	for _, r := range f.rules() {
		if edit, ok := f.rewrite(r); ok {
			edits = append(edits, edit)
		}
	}
	slices.SortFunc(edits, func(a, b source.Fix) int { return b.Span.Start - a.Span.Start })
	text := f.Text
	for _, e := range edits {
		text = e.Apply(text)
	}
	again, err := Read(name, []byte(text))
	if err != nil || !sameRules(f, again) {
		return nil, &Error{Name: name, Text: f.Text, Diagnostics: source.Diagnostics{{
			Code: source.BadFile, Message: "the rules of this file cannot be written back",
			Hint: "write each rule as a block below rule: |",
		}}}
	}
	return []byte(text), nil
}

func (f *File) rules() []*Rule {
	var out []*Rule
	for i := range f.Groups {
		out = append(out, &f.Groups[i].Rule)
	}
	for i := range f.Conditions {
		out = append(out, &f.Conditions[i].Rule)
	}
	return out
}

// sameRules tells whether the files hold the same groups and conditions, but for
// how the rules are written.
func sameRules(a, b *File) bool {
	if len(a.Groups) != len(b.Groups) || len(a.Conditions) != len(b.Conditions) {
		return false
	}
	for i, g := range a.Groups {
		h := b.Groups[i]
		if g.Name != h.Name || g.Description != h.Description || g.Scope != h.Scope || g.Schedule != h.Schedule {
			return false
		}
	}
	for i, c := range a.Conditions {
		if c.Name != b.Conditions[i].Name || c.Description != b.Conditions[i].Description {
			return false
		}
	}
	before, after := a.rules(), b.rules()
	for i := range before {
		if dsl.Format(before[i].Tree) != dsl.Format(after[i].Tree) {
			return false
		}
	}
	return true
}

// rewrite is the edit that puts the rule into the house style, if one is needed.
func (f *File) rewrite(r *Rule) (source.Fix, bool) {
	want := dsl.Format(r.Tree)
	if strings.TrimSpace(r.Text) == want {
		return source.Fix{}, false
	}
	place := r.At.Whole
	style := r.node.Style
	lines := strings.Split(want, "\n")
	switch {
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		head, _, _ := strings.Cut(f.Text[place.Start:place.End], "\n")
		head = "|" + strings.TrimLeft(strings.TrimRight(head, "\r"), "|>")
		return f.block(place, head, lines), true
	case len(lines) > 1:
		line, _, _ := strings.Cut(f.Text[place.End:], "\n")
		behind := strings.TrimSpace(line)
		if behind != "" && behind[0] != '#' {
			return source.Fix{}, false
		}
		place.End += len(strings.TrimRight(line, " \t\r"))
		return f.block(place, strings.TrimSpace("| "+behind), lines), true
	case style&yaml.DoubleQuotedStyle != 0:
		return source.Fix{Span: place, New: doubleQuoted(want)}, true
	case style&yaml.SingleQuotedStyle == 0 && plain(want):
		return source.Fix{Span: place, New: want}, true
	}
	return source.Fix{Span: place, New: "'" + strings.ReplaceAll(want, "'", "''") + "'"}, true
}

var doubleQuote = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func doubleQuoted(text string) string { return `"` + doubleQuote.Replace(text) + `"` }

// plain tells whether YAML reads the line as it stands. What the formatter adds to
// a line is never a sign that YAML knows, so a line that was plain inside of
// brackets may be so again.
func plain(line string) bool {
	var n yaml.Node
	if err := yaml.Load([]byte("rule: "+line), &n); err != nil {
		return false
	}
	m := n.Content[0]
	return m.Kind == yaml.MappingNode && len(m.Content) == 2 &&
		m.Content[1].Kind == yaml.ScalarNode && m.Content[1].Style == 0 && m.Content[1].Value == line
}

// block is the edit that writes lines as a block under the head, which is | and
// what may follow it.
func (f *File) block(place source.Span, head string, lines []string) source.Fix {
	indent := strings.Repeat(" ", f.indentOf(place.Start)+2)
	if old := f.Text[place.Start:place.End]; old[0] == '|' || old[0] == '>' {
		_, body, _ := strings.Cut(old, "\n")
		indent = strings.Repeat(" ", blockIndent(body))
	}
	end := "\n"
	if strings.Contains(f.Text, "\r\n") {
		end = "\r\n"
	}
	var b strings.Builder
	b.WriteString(head)
	for _, line := range lines {
		b.WriteString(end + indent + line)
	}
	return source.Fix{Span: place, New: b.String()}
}

// indentOf is the column of the key on the line of the offset, behind the dash
// of a list.
func (f *File) indentOf(at int) int {
	line := f.Text[strings.LastIndexByte(f.Text[:at], '\n')+1 : at]
	return len(line) - len(strings.TrimLeft(line, " -"))
}
