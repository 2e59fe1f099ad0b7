package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// child is a node below another, with the role it plays there where the order
// alone does not tell.
type child struct {
	role string
	node Node
}

// shape takes a node apart: a label that holds everything about it but its
// children and spans, and the children. Print, Key and Walk are built on it, so
// that a new node is described in one place.
func shape(n Node) (label string, children []child) {
	switch n := n.(type) {
	case *Const:
		return strconv.FormatBool(n.Value), nil
	case *And:
		return "and", tests(n.Terms)
	case *Or:
		return "or", tests(n.Terms)
	case *Not:
		return "not", []child{{node: n.Term}}
	case *Compare:
		return "compare " + string(n.Op), []child{{node: n.L}, {node: n.R}}
	case *Same:
		return "same", []child{{node: n.L}, {node: n.R}}
	case *OneOf:
		return "one of " + values(n.Values), []child{{node: n.X}}
	case *Has:
		return quantity(n.All) + " " + quoted(n.Items), []child{{node: n.X}}
	case *Like:
		return string(n.Form) + " " + strconv.Quote(n.Text), []child{{node: n.X}}
	case *Truth:
		return "true", []child{{node: n.X}}
	case *During:
		return "during " + n.Window.String(), append([]child{{node: n.X}}, moments(n.Window)...)
	case *Recurs:
		return "recurs " + n.Window.String(), append([]child{{node: n.X}}, moments(n.Window)...)
	case *Known:
		return "known", []child{{node: n.X}}
	case *Member:
		return "member " + strconv.Quote(n.Group), nil
	case *Rank:
		return rankLabel(n), []child{{node: n.X}}
	case *Sample:
		return "sample " + decimal(n.Percent, n.Scale) + "% " + strconv.Quote(n.Key), nil
	case *Literal:
		return "literal " + typeLabel(n.Of) + " " + n.Value.String(), nil
	case *Attr:
		return "attribute " + n.Name + flag(n.Due, "due") + flag(n.Latest, "latest") + flag(n.Login, "login"), nil
	case *Field:
		name := n.Name
		if name == "" {
			name = "key"
		}
		return "field " + n.Kind + "." + name + flag(n.Up > 0, "up "+strconv.Itoa(n.Up)) + flag(n.Due, "due"), nil
	case *Arith:
		return string(n.Op), []child{{node: n.L}, {node: n.R}}
	case *Times:
		return "times " + strconv.FormatInt(n.By, 10), []child{{node: n.X}}
	case *Product:
		return "product", []child{{node: n.X}, {node: n.Y}}
	case *Quotient:
		return "quotient", []child{{node: n.A}, {node: n.B}}
	case *Aggregate:
		return aggregateShape(n)
	}
	return fmt.Sprintf("unknown %T", n), nil
}

func aggregateShape(n *Aggregate) (string, []child) {
	label := string(n.Fn) + " " + n.Kind
	var below []child
	if n.Of != nil {
		below = append(below, child{"of", n.Of})
	}
	if n.Stamp != nil {
		label += " " + n.Window.String()
		below = append(below, child{"by", n.Stamp})
		below = append(below, moments(n.Window)...)
	}
	if n.Where != nil {
		below = append(below, child{"where", n.Where})
	}
	return label, below
}

func moments(w Window) []child {
	var out []child
	if w.From.Kind == Moment {
		out = append(out, child{"from", w.From.Moment})
	}
	if w.To.Kind == Moment {
		out = append(out, child{"to", w.To.Moment})
	}
	return out
}

func tests(terms []Test) []child {
	out := make([]child, len(terms))
	for i, t := range terms {
		out[i].node = t
	}
	return out
}

// String is the window in half-open notation, such as [7d before, now). A moment
// of the customer is shown as "moment": it is an expression of its own.
func (w Window) String() string {
	return "[" + w.From.String() + ", " + w.To.String() + ")"
}

// String is the bound in words.
func (b Bound) String() string {
	text := ""
	switch b.Kind {
	case Open:
		text = "open"
	case Now:
		text = "now"
	case Back:
		if b.N < 0 {
			text = fmt.Sprintf("%d%s after", -b.N, b.Unit)
		} else {
			text = fmt.Sprintf("%d%s before", b.N, b.Unit)
		}
	case Period:
		text = fmt.Sprintf("start of %s %+d", b.Unit, b.N)
	case Day:
		text = catalog.DateValue(b.At).String()
	case Instant:
		text = catalog.InstantValue(b.At).String()
	case Moment:
		text = "moment"
	}
	if b.Exclusive {
		text = "after " + text
	}
	return text
}

func rankLabel(n *Rank) string {
	side := "top "
	if n.Bottom {
		side = "bottom "
	}
	if n.Percent {
		return "rank " + side + decimal(n.N, n.Scale) + "%"
	}
	return "rank " + side + strconv.FormatInt(n.N, 10)
}

func typeLabel(t catalog.Type) string {
	switch t.Sort {
	case catalog.Money:
		return string(t.Currency)
	case catalog.Number:
		return "number." + strconv.Itoa(t.Scale)
	}
	return ""
}

func decimal(n int64, scale int) string {
	text := strconv.FormatInt(n, 10)
	if scale == 0 {
		return text
	}
	if pad := scale + 1 - len(text); pad > 0 {
		text = strings.Repeat("0", pad) + text
	}
	return text[:len(text)-scale] + "." + text[len(text)-scale:]
}

func flag(on bool, text string) string {
	if on {
		return " " + text
	}
	return ""
}

func quantity(all bool) string {
	if all {
		return "has all"
	}
	return "has any"
}

func values(list []catalog.Value) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// Key is the node on one line: equal keys mean equal meaning. It is stable
// within a version of the module, and is what Fingerprint hashes.
func Key(n Node) string {
	var b strings.Builder
	writeKey(&b, n)
	return b.String()
}

func writeKey(b *strings.Builder, n Node) {
	label, children := shape(n)
	b.WriteByte('(')
	b.WriteString(label)
	for _, c := range children {
		b.WriteByte(' ')
		if c.role != "" {
			b.WriteString(c.role + ":")
		}
		writeKey(b, c.node)
	}
	b.WriteByte(')')
}

// Fingerprint is the SHA-256 of Key in hexadecimal: what equal parts of many
// plans are found by.
func Fingerprint(n Node) string {
	sum := sha256.Sum256([]byte(Key(n)))
	return hex.EncodeToString(sum[:])
}

// Print is the node as an indented tree, a line a node, for people.
func Print(n Node) string {
	var b strings.Builder
	printTree(&b, child{node: n}, 0)
	return b.String()
}

func printTree(b *strings.Builder, c child, depth int) {
	label, children := shape(c.node)
	b.WriteString(strings.Repeat("  ", depth))
	if c.role != "" {
		b.WriteString(c.role + " ")
	}
	b.WriteString(label + "\n")
	for _, below := range children {
		printTree(b, below, depth+1)
	}
}

// String is the plan as an indented tree.
func (p *Plan) String() string {
	scope := p.Scope
	if scope == "" {
		scope = Members
	}
	return "select " + string(scope) + "\n" + Print(p.Root)
}

// Fingerprint identifies what the plan selects: its root and scope.
func (p *Plan) Fingerprint() string {
	sum := sha256.Sum256([]byte(string(p.Scope) + Key(p.Root)))
	return hex.EncodeToString(sum[:])
}

// Walk visits n and what is below it, from the top. Where visit returns false,
// what is below is passed over.
func Walk(n Node, visit func(Node) bool) {
	if n == nil || !visit(n) {
		return
	}
	_, children := shape(n)
	for _, c := range children {
		Walk(c.node, visit)
	}
}
