package sqlgen

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/sample"
)

// holds writes a test. Where it is false it may be NULL, which is as good in the
// places that tests stand in, WHERE and CASE WHEN: so comparisons stand bare, and an
// index serves them.
func (g *generator) holds(t plan.Test, r row) piece {
	if l := g.home(t, r); l != nil && l.liftable(t) {
		return l.bit(t)
	}
	if p, ok := g.clickAtom(t, r); ok {
		return p
	}
	switch n := t.(type) {
	case *plan.And:
		return g.terms(n.Terms, " AND ", r)
	case *plan.Or:
		return g.terms(n.Terms, " OR ", r)
	case *plan.Not:
		return g.link(t, g.negated(n.Term, r))
	}
	return g.link(t, g.leaf(t, r))
}

func (g *generator) terms(tests []plan.Test, op string, r row) piece {
	terms := make([]piece, len(tests))
	for i, t := range tests {
		terms[i] = g.holds(t, r)
	}
	if op == " AND " {
		terms = merged(terms)
	}
	if len(terms) == 1 && terms[0].bits != nil {
		return terms[0]
	}
	out := join("(", list(terms, op), ")")
	out.sure = g.dialect == ClickHouse && allSure(terms)
	return out
}

// allSure tells whether no condition of a list is ever NULL.
func allSure(list []piece) bool {
	return !slices.ContainsFunc(list, func(p piece) bool { return !p.sure })
}

// negated writes the exact complement of a test.
func (g *generator) negated(t plan.Test, r row) piece {
	if c, ok := t.(*plan.Compare); ok {
		if p, ok := g.anyRecord(c, r, false); ok {
			return p
		}
	}
	if one, ok := t.(*plan.OneOf); ok {
		if p, ok := g.isNot(one, r); ok {
			return p
		}
	}
	p := g.holds(t, r)
	switch {
	case p.bits != nil && p.bits.single():
		return p.bits.not().piece()
	case p.sure:
		return join("NOT (", p, ")").certain()
	case g.dialect == ClickHouse:
		return join("NOT (COALESCE(", p, ", 0))").certain()
	}
	return join("(", p, ") IS NOT TRUE").certain()
}

// isNot is the complement of being one number, which engines have an operator for.
func (g *generator) isNot(n *plan.OneOf, r row) (piece, bool) {
	if g.dialect == ClickHouse {
		return piece{}, false
	}
	x, items, ok := g.numbers(n, r)
	if !ok || len(items) != 1 {
		return piece{}, false
	}
	switch g.dialect {
	case Postgres:
		return join(x, " IS DISTINCT FROM ", items[0]).certain(), true
	case MySQL:
		return join("NOT (", x, " <=> ", items[0], ")").certain(), true
	}
	return join(x, " IS NOT ", items[0]).certain(), true
}

// numbers are a value and what it may be, where these are numbers to the engine.
func (g *generator) numbers(n *plan.OneOf, r row) (x piece, items []piece, ok bool) {
	if !isText(n.X.Type()) {
		for _, v := range n.Values {
			items = append(items, g.literal(&plan.Literal{Value: v}))
		}
		return g.expr(n.X, r), items, true
	}
	col, alias, bare := g.bare(n.X, r)
	if !bare || col.Raw == nil || !col.Raw.Integer {
		return piece{}, nil, false
	}
	words := make([]string, len(n.Values))
	for i, v := range n.Values {
		words[i] = v.Text()
	}
	return text(place(col.Raw.SQL, alias)), col.Raw.numbers(words), true
}

// leaf writes a test of no other tests. It may be NULL instead of false.
func (g *generator) leaf(t plan.Test, r row) piece {
	switch n := t.(type) {
	case *plan.Const:
		return g.always(n.Value)
	case *plan.Compare:
		if p, ok := g.anyRecord(n, r, true); ok {
			return p
		}
		return g.compare(n, r)
	case *plan.Same:
		return g.same(n, r)
	case *plan.OneOf:
		return g.oneOf(n, r)
	case *plan.Has:
		return g.has(n, r)
	case *plan.Like:
		return g.like(n, r)
	case *plan.Truth:
		out := g.boolean(g.expr(n.X, r))
		if col, alias, ok := g.bare(n.X, r); ok && g.dialect == ClickHouse && g.home(n.X, r) == nil {
			out = text(place(col.SQL, alias))
			if !comparison.MatchString(col.SQL) {
				out = g.boolean(out)
			}
		}
		out.sure = g.filled(n.X, r)
		return out
	case *plan.During:
		return g.during(n, r)
	case *plan.Recurs:
		return g.recurs(n, r)
	case *plan.Known:
		if n.X.Type().Sort == catalog.Set {
			return g.always(true)
		}
		return g.known(n.X, r)
	case *plan.Member:
		return g.member(n, r)
	case *plan.Rank:
		return g.rank(n)
	case *plan.Sample:
		return g.sample(n, r)
	}
	return g.fail(t, fmt.Sprintf("a test of the sort %T", t))
}

// compare reads the aggregate of a customer without records as NULL where zero would
// fail the comparison as well.
func (g *generator) compare(n *plan.Compare, r row) piece {
	l := g.expr(n.L, r)
	a, ok := n.L.(*plan.Aggregate)
	lit, is := n.R.(*plan.Literal)
	if ok && is && len(r.aliases) == 0 && !plan.Holds(n.Op, 0, lit.Value.Int()) {
		l = g.aggregate(a, true)
	}
	if is && lit.Value.Known() {
		if column, ok := g.whole(n.L, r); ok {
			l = column
		}
		if ok && l.unmarked() == allCounted && lit.Value.Int() >= 0 { // of numbers that are not negative no cast is needed
			l.sql = strings.Replace(l.sql, allCounted, "count()", 1)
		}
	}
	out := join(l, " "+string(n.Op)+" ", g.expr(n.R, r))
	out.sure = g.filled(n.L, r) && g.filled(n.R, r)
	return out
}

func (g *generator) always(b bool) piece {
	return text(map[bool]string{true: "1 = 1", false: "1 = 0"}[b]).certain()
}

// comparison is SQL of a host that compares a column with an integer: it is a condition,
// and 0 or 1 where it is a value.
var comparison = regexp.MustCompile(`^\(\{t\}\.[A-Za-z_][A-Za-z0-9_]* ?(=|<>|!=|<|<=|>|>=) ?-?[0-9]{1,18}\)$`)

// boolean makes a value a condition.
func (g *generator) boolean(p piece) piece {
	if g.dialect == Postgres {
		return p
	}
	return join("(", p, ") <> 0")
}

func (g *generator) same(n *plan.Same, r row) piece {
	l, right := g.expr(n.L, r), g.expr(n.R, r)
	if isText(n.L.Type()) {
		l, right = g.binary(l), g.binary(right)
	}
	return join(l, " = ", right)
}

// binary compares text by its bytes, whatever the column's collation.
func (g *generator) binary(p piece) piece {
	switch g.dialect {
	case MySQL:
		return join("CAST(", p, " AS BINARY)")
	case SQLite:
		return join(p, " COLLATE BINARY")
	case Postgres:
		return join(p, ` COLLATE "C"`)
	}
	return p
}

func (g *generator) oneOf(n *plan.OneOf, r row) piece {
	if !isText(n.X.Type()) {
		items := make([]piece, len(n.Values))
		for i, v := range n.Values {
			items[i] = g.literal(&plan.Literal{Value: v})
		}
		return oneOf(g.expr(n.X, r), items)
	}
	words := make([]string, len(n.Values))
	for i, v := range n.Values {
		words[i] = v.Text()
	}
	return g.words(n.X, words, r)
}

// words is the test that a text is one of some words.
func (g *generator) words(e plan.Expr, words []string, r row) piece {
	col, alias, bare := g.bare(e, r)
	sure := bare && col.Filled && g.home(e, r) == nil
	if bare && col.Raw != nil && col.Raw.Integer {
		items := col.Raw.numbers(words)
		if len(items) == 0 {
			return g.always(false)
		}
		column := place(col.Raw.SQL, alias)
		out := oneOf(text(column), items)
		out.sure = sure
		out.named = &named{column: column}
		for _, item := range items {
			out.named.values = append(out.named.values, item.sql)
		}
		return out
	}
	raw := bare && col.Raw != nil
	if raw && len(col.Raw.hosts(words)) == 0 {
		return g.always(false)
	}
	x, items := g.expr(e, r), texts(words)
	if in, ok := g.longIn(x, words); ok {
		return in
	}
	switch g.dialect {
	case SQLite:
		return within(g.binary(x), items)
	case MySQL:
		// The first half can use an index of any collation, the second is exact.
		exact := make([]piece, len(items))
		for i, item := range items {
			exact[i] = g.binary(item)
		}
		any := x
		if raw {
			any, items = text(place(col.Raw.SQL, alias)), texts(col.Raw.hosts(words))
		}
		return join("(", within(any, items), " AND ", within(g.binary(x), exact), ")")
	case ClickHouse:
		if raw {
			x, items = text(g.asText(place(col.Raw.SQL, alias))), texts(col.Raw.hosts(words))
		}
	case Postgres:
		if raw {
			x, items = text("CAST("+place(col.Raw.SQL, alias)+" AS TEXT)"), texts(col.Raw.hosts(words))
		}
	}
	out := within(x, items)
	out.sure = sure
	return out
}

func texts(words []string) []piece {
	out := make([]piece, len(words))
	for i, w := range words {
		out[i] = text("?", w)
	}
	return out
}

func oneOf(x piece, items []piece) piece {
	if len(items) == 1 {
		return join(x, " = ", items[0])
	}
	return within(x, items)
}

func within(x piece, items []piece) piece { return join(x, " IN (", list(items, ", "), ")") }

// has asks a table of items: owners are never NULL, so IN is safe.
func (g *generator) has(n *plan.Has, r row) piece {
	var name, owner, guest string
	switch x := n.X.(type) {
	case *plan.Attr:
		name, owner = x.Name, r.customerAlias+"."+g.schema.Customers.Key
		g.asked = true
		if x.Login && g.schema.Guest != "" && g.scope != plan.Members {
			guest = " AND NOT (" + place(g.schema.Guest, r.customerAlias) + ")"
		}
	case *plan.Field:
		name = x.Kind + "." + x.Name
		if x.Up < len(r.aliases) {
			owner = r.aliases[x.Up] + "." + g.schema.Records[x.Kind].Key
		}
	}
	s, ok := g.schema.Sets[name]
	if !ok || owner == "" {
		return g.fail(n, "the set "+name+", which has no table")
	}
	in, itemOwner := " IN (SELECT ", "s."+s.Owner
	if g.dialect == ClickHouse {
		owner, in, itemOwner = g.asText(owner), " "+g.global("IN (SELECT "), g.asText(itemOwner)
	}
	within := func(items []string) piece {
		args := make([]piece, len(items))
		for i, item := range items {
			args[i] = text("?", item)
			if g.dialect == MySQL {
				args[i] = g.binary(args[i])
			}
		}
		item := text("s." + s.Item)
		if g.dialect == MySQL || g.dialect == SQLite {
			item = g.binary(item)
		}
		if g.dialect == ClickHouse {
			item = text(g.asText(item.sql))
		}
		listed, ok := g.longIn(text("s."+s.Item), items)
		if !ok {
			listed = join(item, " IN (", list(args, ", "), ")")
		}
		out := join(owner, in+itemOwner+" FROM "+s.Name+" s WHERE s."+s.Owner+" IS NOT NULL AND ", listed)
		if s.Filter != "" {
			out = join(out, " AND (", place(s.Filter, "s"), ")")
		}
		return join("(", out, ")"+guest+")")
	}
	if !n.All {
		return within(n.Items)
	}
	parts := make([]piece, len(n.Items))
	for i, item := range n.Items {
		parts[i] = within([]string{item})
	}
	return join("(", list(parts, " AND "), ")")
}

// like compares a part of a text without LIKE, whose wildcards, escapes and
// collations differ between engines.
func (g *generator) like(n *plan.Like, r row) piece {
	x := g.expr(n.X, r)
	if n.Text == "" {
		return join(x, " IS NOT NULL")
	}
	arg := text("?", n.Text)
	chars := utf8.RuneCountInString(n.Text)
	switch g.dialect {
	case ClickHouse:
		fn := map[plan.LikeForm]string{plan.Prefix: "startsWith(", plan.Suffix: "endsWith(", plan.Infix: "0 < position("}[n.Form]
		return join(fn, x, ", ", arg, ")")
	case MySQL:
		bytes, b := len(n.Text), g.binary(x)
		switch n.Form {
		case plan.Prefix:
			return join("LEFT(", b, fmt.Sprintf(", %d) = ", bytes), g.binary(arg))
		case plan.Suffix:
			return join("RIGHT(", b, fmt.Sprintf(", %d) = ", bytes), g.binary(arg))
		}
		return join("LOCATE(", g.binary(arg), ", ", b, ") > 0")
	case Postgres:
		c := g.binary(x)
		switch n.Form {
		case plan.Prefix:
			return join("LEFT(", x, fmt.Sprintf(", %d)", chars), ` COLLATE "C" = `, arg)
		case plan.Suffix:
			return join("RIGHT(", x, fmt.Sprintf(", %d)", chars), ` COLLATE "C" = `, arg)
		}
		return join("STRPOS(", c, ", ", arg, ") > 0")
	}
	switch n.Form {
	case plan.Prefix:
		return join("SUBSTR(", x, fmt.Sprintf(", 1, %d)", chars), " COLLATE BINARY = ", arg)
	case plan.Suffix:
		return join("SUBSTR(", x, fmt.Sprintf(", -%d)", chars), " COLLATE BINARY = ", arg)
	}
	return join("INSTR(", x, ", ", arg, ") > 0")
}

func (g *generator) member(n *plan.Member, r row) piece {
	g.asked = true
	id := g.asText(r.customerAlias + "." + g.schema.Customers.Key)
	if ids, ok := g.groups[n.Group]; ok {
		return g.listed(id, ids)
	}
	m := g.schema.Groups
	if m == nil {
		return g.fail(n, "in group, without a table of memberships")
	}
	in := " IN (SELECT g." + m.Customer
	if g.dialect == ClickHouse {
		in = " " + g.global("IN (SELECT ") + "toString(g." + m.Customer + ")"
	}
	out := join(id+in+" FROM "+m.Name+" g WHERE g."+m.Customer+" IS NOT NULL AND g."+m.Group+" = ", text("?", n.Group))
	if m.Filter != "" {
		out = join(out, " AND (", place(m.Filter, "g"), ")")
	}
	return join(out, ")")
}

// listed is membership in a list of any length, passed as one argument.
func (g *generator) listed(id string, ids []dangol.CustomerID) piece {
	if len(ids) == 0 {
		return text("1 = 0")
	}
	if g.dialect == ClickHouse {
		items := make([]piece, len(ids))
		for i, id := range ids {
			items[i] = text("?", string(id))
		}
		return join(id+" IN (", list(items, ", "), ")")
	}
	array, _ := json.Marshal(ids) // strings always marshal
	arg := text("?", string(array))
	switch g.dialect {
	case Postgres:
		return join(id+" IN (SELECT json_array_elements_text(CAST(", arg, " AS JSON)))")
	case MySQL:
		return join("CAST("+id+" AS BINARY) IN (SELECT CAST(j.id AS BINARY) FROM JSON_TABLE(", arg, ", '$[*]' COLUMNS (id VARCHAR(255) PATH '$')) j)")
	}
	return join(id+" IN (SELECT value FROM json_each(", arg, "))")
}

func (g *generator) rank(n *plan.Rank) piece {
	cut, ok := g.cuts[plan.Key(n)]
	if !ok {
		return g.fail(n, "a rank without its cut")
	}
	if cut.Empty {
		return text("1 = 0")
	}
	value, known := g.ranked(n)
	return join("(", known, " AND ", value, fmt.Sprintf(" %s %d)", inside(n), cut.Value))
}

func (g *generator) sample(n *plan.Sample, r row) piece {
	if g.schema.Bucket == "" {
		return g.fail(n, "sample, without a bucket column")
	}
	a, b := sample.Key(n.Key)
	whole := uint64(100)
	for range n.Scale {
		whole *= 10
	}
	g.asked = true
	bucket := r.customerAlias + "." + g.schema.Bucket
	return text(fmt.Sprintf("(%d * %s + %d) %s %d < %d", a, bucket, b, "%", uint64(sample.P), sample.Threshold(uint64(n.Percent), whole)))
}
