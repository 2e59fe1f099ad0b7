package message

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"

	"github.com/dangol-dev/dangol"
)

// Limits of templates. A rendered text longer than maxRendered is no message.
const (
	maxTemplate = 64 << 10
	maxRendered = 256 << 10
	maxList     = 1000
	maxNesting  = 2 // ranges within ranges
)

// errTooLong is returned when a template renders more than a message can be.
var errTooLong = errors.New("the rendered text is too long")

// functions are all that a template may call. Everything else that text/template
// offers is refused, since it reaches into Go (call), loops without data or prints
// values in Go's way.
var functions = template.FuncMap{
	"number": number,
	"join":   func(sep string, list []string) string { return strings.Join(list, sep) },
}

var allowed = []string{"number", "join", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "len", "index"}

// number groups the digits of an integer: 12,500.
func number(n int64) string {
	text := dangol.Money{Minor: n}.String()
	return text
}

// variables of the service's own that a template may use.
var ownVariables = []string{"coupon", "sender", "contact"}

var koreanVariable = regexp.MustCompile(`#\{([\p{L}_][\p{L}\p{N}_]*)\}`)

// body is a parsed template, of text or of HTML.
type body struct {
	run   func(w io.Writer, data any) error
	loops []string // the variables that it loops over: they must be lists
}

// parseTemplate reads a template and refuses what could loop for long, reach into Go
// or name what customers must not see. In HTML each variable is escaped for the place
// it stands in.
func parseTemplate(text string, declared []string, html bool) (*body, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("the template has more than %d bytes", maxTemplate)
	}
	if err := checkCharacters(text); err != nil {
		return nil, err
	}
	text = koreanVariable.ReplaceAllString(text, "{{.$1}}")
	t, err := template.New("message").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, unreadable(err)
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("a template may not define templates")
	}
	w := walker{declared: declared}
	if t.Tree != nil {
		w.list(t.Root, 0)
	}
	if len(w.wrong) > 0 {
		return nil, errors.Join(w.wrong...)
	}
	if !html {
		return &body{t.Execute, w.loops}, nil
	}
	h, err := htmltemplate.New("message").Option("missingkey=error").Funcs(htmltemplate.FuncMap(functions)).Parse(text)
	if err != nil {
		return nil, unreadable(err)
	}
	return &body{h.Execute, w.loops}, nil
}

func unreadable(err error) error {
	return fmt.Errorf("the template cannot be read: %s", strings.TrimPrefix(err.Error(), "template: message:"))
}

// fill executes the template on checked variables.
func (b *body) fill(vars map[string]any) (string, error) {
	for _, name := range b.loops {
		if _, list := vars[name].([]string); !list && vars[name] != nil {
			return "", fmt.Errorf("the loop over %s runs over no list", name)
		}
	}
	var out limited
	if err := b.run(&out, vars); err != nil {
		return "", templateError(err)
	}
	return out.String(), nil
}

// walker visits a parsed template.
type walker struct {
	declared []string
	loops    []string
	wrong    []error
}

func (w *walker) refuse(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Errorf(format, args...))
}

func (w *walker) list(l *parse.ListNode, ranges int) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
		case *parse.ActionNode:
			w.pipe(n.Pipe)
		case *parse.IfNode:
			w.pipe(n.Pipe)
			w.list(n.List, ranges)
			w.list(n.ElseList, ranges)
		case *parse.RangeNode:
			if ranges++; ranges > maxNesting {
				w.refuse("loops are nested deeper than %d", maxNesting)
			}
			w.loop(n)
			w.pipe(n.Pipe)
			w.list(n.List, ranges)
			w.list(n.ElseList, ranges)
			ranges--
		default:
			w.refuse("%s is not allowed in a message", n)
		}
	}
}

// loop allows a range over one variable alone. A number, or anything computed, could
// be a count: text/template would loop that often.
func (w *walker) loop(n *parse.RangeNode) {
	if len(n.Pipe.Cmds) == 1 && len(n.Pipe.Cmds[0].Args) == 1 {
		switch over := n.Pipe.Cmds[0].Args[0].(type) {
		case *parse.FieldNode:
			if len(over.Ident) == 1 {
				w.loops = append(w.loops, over.Ident[0])
				return
			}
		case *parse.VariableNode:
			if over.Ident[0] == "$" && len(over.Ident) == 2 {
				w.loops = append(w.loops, over.Ident[1])
				return
			}
		}
	}
	w.refuse("a loop runs over %s; it may run over a list variable only", n.Pipe)
}

func (w *walker) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			w.arg(a)
		}
	}
}

func (w *walker) arg(n parse.Node) {
	switch n := n.(type) {
	case *parse.FieldNode:
		w.name(n.Ident[0])
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			w.name(n.Ident[1])
		}
	case *parse.ChainNode:
		w.arg(n.Node)
	case *parse.PipeNode:
		w.pipe(n)
	case *parse.IdentifierNode:
		if !slices.Contains(allowed, n.Ident) {
			w.refuse("the function %s is not allowed in a message", n.Ident)
		}
	}
}

func (w *walker) name(name string) {
	if slices.Contains([]string{"group", "groups", "segment", "campaign"}, strings.ToLower(name)) {
		w.refuse("%s is for operators only and cannot stand in a message", name)
	} else if len(w.declared) > 0 && !slices.Contains(w.declared, name) && !slices.Contains(ownVariables, name) {
		w.refuse("there is no variable %s; there are %s", name, strings.Join(w.declared, ", "))
	}
}

// checkVars refuses values that a template could misuse: everything but plain data.
func checkVars(vars map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(vars)+3)
	for name, v := range vars {
		switch v := v.(type) {
		case string:
			if err := checkCharacters(v); err != nil {
				return nil, fmt.Errorf("variable %s: %w", name, err)
			}
			out[name] = v
		case []string:
			if len(v) > maxList {
				return nil, fmt.Errorf("variable %s: a list of more than %d", name, maxList)
			}
			for _, one := range v {
				if err := checkCharacters(one); err != nil {
					return nil, fmt.Errorf("variable %s: %w", name, err)
				}
			}
			out[name] = v
		case int:
			out[name] = int64(v)
		case int64, bool:
			out[name] = v
		case dangol.Money:
			out[name] = v.String()
		default:
			return nil, fmt.Errorf("variable %s: a message cannot show a %T", name, v)
		}
	}
	return out, nil
}

// checkCharacters refuses control characters, which break gateways, and characters
// that change the direction of text, which hide what a link says.
func checkCharacters(text string) error {
	for i, r := range text {
		switch {
		case r == '\n' || r == '\t':
		case r == unicode.ReplacementChar && !strings.HasPrefix(text[i:], "\uFFFD"):
			return fmt.Errorf("the text is not valid UTF-8 at byte %d", i)
		case unicode.IsControl(r):
			return fmt.Errorf("the text holds the control character %U", r)
		case r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069:
			return fmt.Errorf("the text holds the direction mark %U", r)
		case r == 0xFEFF || r == 0x2028 || r == 0x2029:
			return fmt.Errorf("the text holds the invisible character %U", r)
		}
	}
	return nil
}

// limited is a writer that stops a template which renders too much.
type limited struct{ strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxRendered {
		return 0, errTooLong
	}
	return l.Builder.Write(p)
}

var missingKey = regexp.MustCompile(`map has no entry for key ("[^"]*")`)

// templateError says in words what went wrong, without Go's names.
func templateError(err error) error {
	if errors.Is(err, errTooLong) {
		return errTooLong
	}
	if m := missingKey.FindStringSubmatch(err.Error()); m != nil {
		name, _ := strconv.Unquote(m[1])
		return fmt.Errorf("the variable %s is missing", name)
	}
	return fmt.Errorf("the template fails: %s", strings.TrimPrefix(err.Error(), "template: message:"))
}
