package sqlstore

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// encodings are what a mapping calls the ways to keep a moment or a day.
var encodings = map[string]sqlgen.Encoding{
	"timestamptz": sqlgen.Native, "datetime": sqlgen.Local, "date": sqlgen.Native,
	"epoch": sqlgen.Seconds, "epoch_ms": sqlgen.Millis, "epoch_us": sqlgen.Micros,
}

// column makes one entry of columns ready.
func (m *mapped) column(entry string, spec ColumnMap, c store.Column, t *mappedTable) (mappedColumn, error) {
	out := mappedColumn{entry: entry, of: c, spec: spec}
	fail := func(format string, args ...any) (mappedColumn, error) {
		return out, &MappingError{Entry: entry, Why: fmt.Sprintf(format, args...)}
	}
	given := 0
	for _, is := range []bool{spec.Column != "", spec.SQL != "", spec.Items != nil, spec.Pairs != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return fail("one of column, sql, items and pairs is needed")
	}
	for _, text := range spec.literal() {
		if strings.Contains(text, "{t}") {
			return fail("{t} stands for the table's alias in expressions, not in names and words")
		}
	}
	if len(spec.JSON) > 0 && spec.Column == "" {
		return fail("json is a path within a column")
	}
	if (c.Type.Sort == catalog.Set) != (spec.Items != nil) {
		return fail("items are for sets, and sets lie in items")
	}
	if why := misspelt(spec, c.Type); why != "" {
		return fail("%s", why)
	}
	if spec.Items != nil {
		return m.items(out)
	}
	value, whole, err := m.source(entry, spec, t)
	if err != nil {
		return out, err
	}
	if spec.Column != "" && len(spec.JSON) == 0 {
		out.probe = value
	}
	sql, err := m.convert(entry, spec, c.Type, value)
	if err != nil {
		return out, err
	}
	sql = whole(sql)
	if spec.written() && c.Type.Sort == catalog.Bool && m.dialect == Postgres {
		sql = "(" + sql + " = 1)"
	}
	out.sql = sqlgen.Column{SQL: sql, Zone: m.zone, Encoding: encodings[spec.Time]}
	if word := c.Type.Sort == catalog.String || c.Type.Sort == catalog.Enum; word && out.probe != "" && !spec.EmptyIsMissing {
		out.sql.Raw = &sqlgen.Raw{SQL: out.probe, Words: map[string]string{}}
		for host, ours := range spec.Values {
			out.sql.Raw.Words[host] = c.Type.Normal(ours)
		}
	}
	return out, nil
}

// written tells whether the value is text that spells it, as JSON and pairs have it.
func (spec ColumnMap) written() bool { return len(spec.JSON) > 0 || spec.Pairs != nil }

// literal are the names and words of the host that become part of an expression.
func (spec ColumnMap) literal() []string {
	out := append(slices.Sorted(maps.Keys(spec.Values)), spec.Column)
	if p := spec.Pairs; p != nil {
		out = append(out, p.Table, p.Owner, p.Name, p.Is, p.Value)
	}
	return out
}

// misspelt is what time, amount, values and empty_is_missing say wrong of a type.
func misspelt(spec ColumnMap, t catalog.Type) string {
	moment := t.Sort == catalog.Instant || t.Sort == catalog.Date
	word := t.Sort == catalog.String || t.Sort == catalog.Enum
	number := t.Sort == catalog.Money || t.Sort == catalog.Number
	_, known := encodings[spec.Time]
	switch {
	case moment && (!known || (spec.Time == "date") != (t.Sort == catalog.Date)):
		return fmt.Sprintf("time is %q; a moment is timestamptz, datetime, epoch, epoch_ms or epoch_us, a day is date", spec.Time)
	case !moment && spec.Time != "":
		return "time is for moments and days"
	case t.Sort == catalog.Instant && spec.written() && (spec.Time == "timestamptz" || spec.Time == "datetime"):
		return "a moment within JSON or pairs is epoch, epoch_ms or epoch_us; map an expression that makes it a timestamp"
	case t.Sort == catalog.Money && spec.Amount != "decimal" && spec.Amount != "minor":
		return `amount is "decimal", in major units, or "minor", in integers; floats are refused`
	case !number && spec.Amount != "":
		return "amount is for money and numbers"
	case number && spec.Amount != "" && spec.Amount != "decimal" && spec.Amount != "minor":
		return `amount is "decimal" or "minor"`
	case len(spec.Values) > 0 && !word && t.Sort != catalog.Bool:
		return "values are for words, and for yes and no"
	case spec.EmptyIsMissing && !word && !moment:
		return "empty_is_missing is for words"
	}
	return ""
}

func (m *mapped) items(out mappedColumn) (mappedColumn, error) {
	i := out.spec.Items
	if i.Table == "" || i.Owner == "" || i.Item == "" {
		return out, &MappingError{Entry: out.entry, Why: "items need table, owner and item"}
	}
	if why := m.dialect.unsafeSQL(i.Where); why != "" {
		return out, &MappingError{Entry: out.entry + ".items.where", Why: why}
	}
	m.hosts = append(m.hosts, i.Table)
	out.set = &sqlgen.Set{
		Name: m.name(i.Table), Owner: m.dialect.Quote(i.Owner), Item: m.dialect.Quote(i.Item),
		Filter: m.filter(i.AnyTenant, i.Where),
	}
	return out, nil
}

var pathPart = regexp.MustCompile(`^[\p{L}\p{N}_ -]+$`)

// source is where a value comes from: an expression over the row that holds it, and
// what makes of that, once it is converted, an expression over the mapped row.
func (m *mapped) source(entry string, spec ColumnMap, t *mappedTable) (value string, whole func(string) string, err error) {
	same := func(sql string) string { return sql }
	fail := func(format string, args ...any) (string, func(string) string, error) {
		return "", nil, &MappingError{Entry: entry, Why: fmt.Sprintf(format, args...)}
	}
	switch {
	case spec.SQL != "":
		if why := m.dialect.unsafeSQL(spec.SQL); why != "" {
			return fail("%s", why)
		}
		return "(" + spec.SQL + ")", same, nil
	case spec.Pairs != nil:
		p := spec.Pairs
		if p.Table == "" || p.Owner == "" || p.Name == "" || p.Is == "" || p.Value == "" {
			return fail("pairs need table, owner, name, is and value")
		}
		if why := m.dialect.unsafeSQL(p.Where); why != "" {
			return fail("where: %s", why)
		}
		if m.dialect == ClickHouse {
			return fail("clickhouse has no subqueries of a row; map an expression or a view")
		}
		q := m.dialect.Quote
		from := fmt.Sprintf(" FROM %s v WHERE v.%s = {t}.%s AND v.%s = %s", m.name(p.Table), q(p.Owner), t.sql.Key, q(p.Name), m.text(p.Is))
		if f := m.filter(p.AnyTenant, p.Where); f != "" {
			from += " AND " + strings.ReplaceAll(f, "{t}", "v")
		}
		return m.spelt("v." + q(p.Value)), func(sql string) string { return "(SELECT MIN(" + sql + ")" + from + ")" }, nil
	}
	column := "{t}." + m.dialect.Quote(spec.Column)
	if len(spec.JSON) == 0 {
		return column, same, nil
	}
	for _, part := range spec.JSON {
		if !pathPart.MatchString(part) {
			return fail("%q cannot stand in a path", part)
		}
	}
	return m.within(column, spec.JSON), same, nil
}

// within is the text of a value inside a JSON column, NULL for JSON's null.
func (m *mapped) within(column string, path []string) string {
	dollar := m.text(`$."` + strings.Join(path, `"."`) + `"`)
	switch m.dialect {
	case Postgres:
		return "(" + column + " #>> " + m.text("{\""+strings.Join(path, `","`)+"\"}") + ")"
	case MySQL:
		at := "JSON_EXTRACT(" + column + ", " + dollar + ")"
		return "(CASE WHEN JSON_TYPE(" + at + ") <> 'NULL' THEN JSON_UNQUOTE(" + at + ") END)"
	case ClickHouse:
		args := make([]string, len(path))
		for i, part := range path {
			args[i] = m.text(part)
		}
		return "JSONExtract(" + column + ", " + strings.Join(args, ", ") + ", 'Nullable(String)')"
	}
	return m.spelt("json_extract(" + column + ", " + dollar + ")")
}

// spelt is a value as text, where the engine may hold it as something else.
func (m *mapped) spelt(sql string) string {
	switch m.dialect {
	case Postgres, SQLite:
		return "CAST(" + sql + " AS TEXT)"
	case ClickHouse: // where numbers do not compare with text
		return "toString(" + sql + ")"
	case MySQL:
		return "CONVERT(" + sql + " USING utf8mb4)"
	}
	return sql
}

// text is a literal of the mapping's own words. It is the one place where a value
// becomes part of a statement, and only a mapping's, never a rule's or a customer's.
// It reads the same whatever the server's settings say of backslashes.
func (m *mapped) text(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if !strings.Contains(s, `\`) {
		return quoted
	}
	switch m.dialect {
	case Postgres:
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	case MySQL:
		return fmt.Sprintf("_utf8mb4 0x%X", s)
	case ClickHouse:
		return strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// exact makes text compare by its bytes.
func (m *mapped) exact(sql string) string {
	switch m.dialect {
	case Postgres:
		return "CAST(" + sql + ` AS TEXT) COLLATE "C"`
	case MySQL:
		return "CAST(CONVERT(" + sql + " USING utf8mb4) AS BINARY)"
	case SQLite:
		return "CAST(" + sql + " AS TEXT) COLLATE BINARY"
	}
	return sql
}

// convert makes the host's value one of the catalog's.
func (m *mapped) convert(entry string, spec ColumnMap, t catalog.Type, sql string) (string, error) {
	switch t.Sort {
	case catalog.String, catalog.Enum:
		return m.word(entry, spec, t, sql)
	case catalog.Bool:
		return m.yesNo(entry, spec, sql)
	case catalog.Money, catalog.Number:
		switch {
		case spec.Amount == "decimal" && spec.written():
			return m.scaled(m.number(sql, true), t.Digits()), nil
		case spec.Amount == "decimal":
			return m.scaled(sql, t.Digits()), nil
		case spec.written():
			return m.integer(m.number(sql, false)), nil
		}
	case catalog.Instant:
		if spec.written() {
			sql = m.integer(m.number(sql, false))
		}
		return m.moment(spec, sql), nil
	case catalog.Date:
		if spec.written() {
			return m.day(sql), nil
		}
		return m.moment(spec, sql), nil
	}
	return sql, nil
}

// moment is a moment or a day, with EmptyIsMissing without what a host writes for
// none: nought, MySQL's date of noughts, SQLite's empty text, ClickHouse's defaults.
func (m *mapped) moment(spec ColumnMap, sql string) string {
	nothing := "0"
	switch {
	case !spec.EmptyIsMissing:
		return sql
	case strings.HasPrefix(spec.Time, "epoch"):
	case m.dialect == ClickHouse && spec.Time == "date":
		nothing = "toDate(0)"
	case m.dialect == ClickHouse:
		nothing = "toDateTime(0)"
	case m.dialect == SQLite:
		nothing = "''"
	case m.dialect == MySQL:
		return "(CASE WHEN " + sql + " > '0001-01-01' THEN " + sql + " END)"
	default:
		return sql // PostgreSQL has no such moment
	}
	return "NULLIF(" + sql + ", " + nothing + ")"
}

func (m *mapped) word(entry string, spec ColumnMap, t catalog.Type, sql string) (string, error) {
	if m.dialect == Postgres && !spec.written() {
		sql = "CAST(" + sql + " AS TEXT)" // of enums and UUIDs; for text it is nothing
	}
	if spec.EmptyIsMissing {
		sql = "NULLIF(" + sql + ", '')"
	}
	if len(spec.Values) == 0 {
		return sql, nil
	}
	sql = m.spelt(sql) // the host's words may be numbers
	ours := map[string]string{}
	for _, host := range slices.Sorted(maps.Keys(spec.Values)) {
		value := t.Normal(spec.Values[host])
		if t.Sort == catalog.Enum && !slices.Contains(t.Values, value) {
			return "", &MappingError{Entry: entry, Why: fmt.Sprintf("%q is none of the catalog's values: %s", value, strings.Join(t.Values, ", "))}
		}
		ours[host] = m.text(value)
	}
	return m.choose(sql, ours, " ELSE "+sql), nil
}

// choose gives the expression that the host's word stands for.
func (m *mapped) choose(sql string, words map[string]string, rest string) string {
	exact := m.exact(sql)
	var b strings.Builder
	b.WriteString("(CASE")
	for _, host := range slices.Sorted(maps.Keys(words)) {
		fmt.Fprintf(&b, " WHEN %s = %s THEN %s", exact, m.text(host), words[host])
	}
	return b.String() + rest + " END)"
}

// yesNo reads a boolean: as the engine has it, as text that says so, or by the
// host's words for it. Words that are neither are missing. Of text PostgreSQL gets
// an integer: its MIN takes no booleans.
func (m *mapped) yesNo(entry string, spec ColumnMap, sql string) (string, error) {
	words := spec.Values
	if len(words) == 0 {
		if !spec.written() {
			return sql, nil
		}
		words = map[string]string{"true": "true", "1": "true", "false": "false", "0": "false"}
	}
	ours := map[string]string{}
	for _, host := range slices.Sorted(maps.Keys(words)) {
		value, ok := map[string]string{"true": "1", "false": "0"}[words[host]]
		if !ok {
			return "", &MappingError{Entry: entry, Why: fmt.Sprintf("%q is neither true nor false", words[host])}
		}
		if m.dialect == Postgres && !spec.written() {
			value = strings.ToUpper(words[host])
		}
		ours[host] = value
	}
	return m.choose(sql, ours, ""), nil
}

// number is text that spells a number, else NULL: engines would fail on other text,
// or quietly read nought.
func (m *mapped) number(sql string, decimal bool) string {
	pattern := "^(0|-?[1-9][0-9]{0,17})$"
	fits := "CAST(CAST(" + sql + " AS INTEGER) AS TEXT) = " + sql
	if decimal {
		pattern = "^-?[0-9]{1,16}([.][0-9]{1,30})?$"
		fits = "(" + sql + " GLOB '[0-9]*' OR " + sql + " GLOB '-[0-9]*') AND substr(" + sql + ", 2) NOT GLOB '*[^0-9.]*' AND " +
			sql + " NOT GLOB '*.*.*' AND " + sql + " NOT GLOB '*.'"
	}
	switch m.dialect {
	case Postgres:
		fits = sql + " ~ '" + pattern + "'"
	case MySQL:
		fits = sql + " REGEXP '" + pattern + "'"
	case ClickHouse:
		fits = "match(" + sql + ", '" + pattern + "')"
	}
	return "(CASE WHEN " + fits + " THEN " + sql + " END)"
}

// day is text that spells a day of the calendar, as YYYY-MM-DD, else NULL.
func (m *mapped) day(sql string) string {
	const form = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
	switch m.dialect {
	case Postgres:
		// make_date fails on 30 February; counting from the first of the month does not.
		count := "(make_date(CAST(substr(" + sql + ", 1, 4) AS INTEGER), CAST(substr(" + sql + ", 6, 2) AS INTEGER), 1) + CAST(substr(" + sql + ", 9, 2) AS INTEGER) - 1)"
		return "(CASE WHEN " + sql + " ~ '" + form + "' THEN CASE WHEN to_char(" + count + ", 'YYYY-MM-DD') = " + sql + " THEN " + count + " END END)"
	case MySQL:
		return "(CASE WHEN " + sql + " REGEXP '" + form + "' AND DAY(LAST_DAY(CONCAT(LEFT(" + sql + ", 8), '01'))) >= RIGHT(" + sql + ", 2) THEN CAST(" + sql + " AS DATE) END)"
	case ClickHouse:
		return "(CASE WHEN toString(toDate32OrNull(" + sql + ")) = " + sql + " THEN toDate32OrNull(" + sql + ") END)"
	}
	return "(CASE WHEN date(" + sql + ") = " + sql + " THEN " + sql + " END)"
}

// scaled makes a decimal in major units an integer of the type's smallest units.
func (m *mapped) scaled(sql string, digits int) string {
	factor := "1" + strings.Repeat("0", digits)
	switch m.dialect {
	case Postgres:
		return "CAST(ROUND(CAST(" + sql + " AS NUMERIC) * " + factor + ") AS BIGINT)"
	case MySQL:
		return "CAST(ROUND(CAST(" + sql + " AS DECIMAL(38, 10)) * " + factor + ") AS SIGNED)"
	case ClickHouse:
		return "toInt64(round(toDecimal128(" + sql + ", 10) * " + factor + "))"
	}
	return "CAST(ROUND(" + sql + " * " + factor + ") AS INTEGER)"
}

func (m *mapped) integer(sql string) string {
	switch m.dialect {
	case Postgres:
		return "CAST(" + sql + " AS BIGINT)"
	case MySQL:
		return "CAST(" + sql + " AS SIGNED)"
	case ClickHouse:
		return "toInt64OrNull(" + sql + ")"
	}
	return "CAST(" + sql + " AS INTEGER)"
}

// unsafeSQL is why an expression of the mapping cannot stand in a statement, ""
// when it can. It is the host's own and trusted to mean what it says; what is
// refused would change the statement around it by mistake, or be read otherwise by
// another server of the dialect.
func (d Dialect) unsafeSQL(sql string) string {
	var quote rune
	depth := 0
	before, escapes, slashes := ' ', false, 0
	for _, c := range sql {
		switch {
		case quote != 0:
			if c == quote {
				if escapes && slashes%2 == 1 {
					return `a \ before a quote ends the text on one server and not on another: double the quote instead`
				}
				quote = 0
			}
			if slashes++; c != '\\' {
				slashes = 0
			}
		case c == '`' && d == Postgres, c == '[' && d == SQLite:
			return fmt.Sprintf("a %c is no quote everywhere: put names in double quotes", c)
		case c == '\'' || c == '"' || c == '`':
			quote, slashes = c, 0
			escapes = d == MySQL || d == ClickHouse || before == 'E' || before == 'e'
		case c == '?':
			return "a ? stands for an argument in statements; PostgreSQL's operators with one have functions, such as jsonb_exists"
		case c == '$' && d != MySQL && !wordRune(before):
			return "a $ begins an argument, or a text without quotes"
		case c == ';':
			return "a ; ends a statement"
		case c == '-' && before == '-', c == '*' && before == '/', c == '#' && (d == MySQL || d == ClickHouse):
			return "a comment hides what follows it"
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return "a ) closes what was not opened"
			}
		}
		before = c
		if quote != 0 {
			before = ' '
		}
	}
	switch {
	case quote != 0:
		return fmt.Sprintf("a %c is not closed", quote)
	case depth > 0:
		return "a ( is not closed"
	}
	return ""
}

func wordRune(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c) }
