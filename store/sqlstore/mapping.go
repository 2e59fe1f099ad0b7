package sqlstore

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// Mapping tells where a host's own tables hold the data of a catalog. It is the
// host's own configuration and trusted as such: names are quoted, but SQL and Where
// go into statements as they are, with {t} where the table's alias stands.
//
// What is not mapped has no column: a rule that reads it is answered with
// *plan.Unsupported, never with a guess.
type Mapping struct {
	// Zone is of columns whose Time is "datetime". Defaults to UTC.
	Zone string `yaml:"zone,omitempty"`
	// Tenant narrows every table to the rows of one tenant; {t} stands for the alias.
	Tenant    string              `yaml:"tenant,omitempty"`
	Customers TableMap            `yaml:"customers"`
	Records   map[string]TableMap `yaml:"records,omitempty"` // by the kind that owns the rows
}

// TableMap is one table, or a query that stands for one.
type TableMap struct {
	Table    string `yaml:"table,omitempty"`    // its name, perhaps with a schema: shop.orders
	SQL      string `yaml:"sql,omitempty"`      // a SELECT instead, such as lines joined to their orders for the customer's id
	Key      string `yaml:"key"`                // the column of a row's key, of customers their id
	Customer string `yaml:"customer,omitempty"` // of records: the column of the customer's id
	Parent   string `yaml:"parent,omitempty"`   // of records with a parent: the column of its key
	Guest    string `yaml:"guest,omitempty"`    // of customers: a condition that holds for guests. Defaults to members only
	Bucket   string `yaml:"bucket,omitempty"`   // of customers: the column of sample.Bucket. Defaults to none: no samples
	Where    string `yaml:"where,omitempty"`    // a condition that rows must meet, such as {t}.deleted_at IS NULL
	// Columns by the names of attributes or fields.
	Columns map[string]ColumnMap `yaml:"columns"`
}

// ColumnMap is where one attribute or field lies: in a column, in an expression,
// in a table of items (sets), or in a table of names and values.
type ColumnMap struct {
	Column string   `yaml:"column,omitempty"`
	SQL    string   `yaml:"sql,omitempty"`
	JSON   []string `yaml:"json,omitempty"` // the path to it within the JSON of Column
	Items  *Items   `yaml:"items,omitempty"`
	Pairs  *Pairs   `yaml:"pairs,omitempty"`

	// Time is how an instant or a day is kept: "timestamptz" (or a timestamp that is
	// always UTC), "datetime" (as the clock of Mapping.Zone reads), "date", "epoch",
	// "epoch_ms" or "epoch_us". Needed for instants and days.
	Time string `yaml:"time,omitempty"`
	// Amount is how money and decimal numbers are kept: "decimal" in major units,
	// "minor" in integer minor units. Needed for money; floats are refused.
	Amount string `yaml:"amount,omitempty"`
	// Values are the host's words for the catalog's: completed: confirmed.
	Values map[string]string `yaml:"values,omitempty"`
	// EmptyIsMissing reads '' as missing.
	EmptyIsMissing bool `yaml:"empty_is_missing,omitempty"`
}

// Items is a table with one row an item of a set.
type Items struct {
	Table string `yaml:"table"`
	Owner string `yaml:"owner"` // the column of the customer's id or record's key
	Item  string `yaml:"item"`
	Where string `yaml:"where,omitempty"`
}

// Pairs is a table of names and values, as EAV schemas and metadata tables are.
type Pairs struct {
	Table string `yaml:"table"`
	Owner string `yaml:"owner"`
	Name  string `yaml:"name"`  // the column of the name
	Is    string `yaml:"is"`    // the name that is meant
	Value string `yaml:"value"` // the column of the value
}

// MappingError is returned when a mapping does not fit the catalog or the
// database. Entry names what is wrong, such as records.all_orders.columns.total.
type MappingError struct {
	Entry string
	Why   string
	Err   error // of the database, or nil
}

func (e *MappingError) Error() string {
	text := "mapping: " + e.Entry + ": " + e.Why
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap is the database's error.
func (e *MappingError) Unwrap() error { return e.Err }

// mapped is a mapping made ready for one dialect and catalog.
type mapped struct {
	dialect Dialect
	zone    *time.Location
	schema  *sqlgen.Schema
	tables  map[string]*mappedTable // by kind, "" for customers
}

type mappedTable struct {
	entry   string
	of      *store.Table
	sql     sqlgen.Table
	columns []mappedColumn // in the order of the catalog
}

type mappedColumn struct {
	entry string
	of    store.Column
	sql   sqlgen.Column
	set   *sqlgen.Set
	probe string // the raw column, whose type is looked at; "" when it is an expression
	spec  ColumnMap
}

// ready checks the mapping against the catalog. Errors are *MappingError.
func (m Mapping) ready(d Dialect, s *store.Schema) (*mapped, error) {
	out := &mapped{dialect: d, zone: time.UTC, tables: map[string]*mappedTable{}, schema: &sqlgen.Schema{
		Records: map[string]sqlgen.Table{}, Sets: map[string]sqlgen.Set{},
	}}
	if m.Zone != "" {
		zone, err := time.LoadLocation(m.Zone)
		if err != nil || m.Zone == "Local" {
			return nil, &MappingError{Entry: "zone", Why: fmt.Sprintf("%q is no time zone", m.Zone)}
		}
		out.zone = zone
	}
	customers, err := out.table("customers", m.Customers, s.Customers, m.Tenant)
	if err != nil {
		return nil, err
	}
	out.schema.Customers, out.schema.Guest = customers.sql, m.Customers.Guest
	if m.Customers.Bucket != "" {
		out.schema.Bucket = d.Quote(m.Customers.Bucket)
	}
	for _, kind := range slices.Sorted(maps.Keys(m.Records)) {
		entry := "records." + kind
		t, err := s.Table(kind)
		if err != nil || kind == "" || t.Dimension {
			why := "it is not a kind of records"
			if err != nil {
				why = err.Error()
			}
			return nil, &MappingError{Entry: entry, Why: why}
		}
		mt, err := out.table(entry, m.Records[kind], t, m.Tenant)
		if err != nil {
			return nil, err
		}
		out.schema.Records[kind] = mt.sql
	}
	return out, nil
}

func (m *mapped) table(entry string, tm TableMap, t *store.Table, tenant string) (*mappedTable, error) {
	fail := func(part, why string) (*mappedTable, error) {
		return nil, &MappingError{Entry: entry + "." + part, Why: why}
	}
	records := t.Kind != ""
	switch {
	case (tm.Table == "") == (tm.SQL == ""):
		return fail("table", "either a table or sql is needed")
	case tm.Key == "":
		return fail("key", "is missing")
	case records && tm.Customer == "":
		return fail("customer", "is missing")
	case t.Parent != nil && tm.Parent == "":
		return fail("parent", "is missing: a record belongs to one of "+t.Parent.Kind)
	case t.Parent == nil && tm.Parent != "":
		return fail("parent", "the kind has no parent")
	case !records && tm.Customer != "":
		return fail("customer", "is for records")
	case records && (tm.Guest != "" || tm.Bucket != ""):
		return fail("guest", "guest and bucket are of customers")
	}
	name := "(" + tm.SQL + ")"
	if tm.Table != "" {
		name = m.name(tm.Table)
	}
	out := &mappedTable{entry: entry, of: t, sql: sqlgen.Table{
		Name: name, Key: m.dialect.Quote(tm.Key), Columns: map[string]sqlgen.Column{},
	}}
	if records {
		out.sql.Customer = m.dialect.Quote(tm.Customer)
	}
	var filters []string
	for _, f := range []string{tenant, tm.Where} {
		if f != "" {
			filters = append(filters, "("+f+")")
		}
	}
	out.sql.Filter = strings.Join(filters, " AND ")
	if tm.Parent != "" {
		out.sql.Parent = m.dialect.Quote(tm.Parent)
		if t.ParentField != "" {
			out.sql.Columns[t.ParentField] = sqlgen.Column{SQL: "{t}." + out.sql.Parent}
		}
	}
	for name := range tm.Columns {
		if _, err := t.Column(name); err != nil {
			return fail("columns."+name, err.Error())
		}
	}
	for _, c := range t.Columns {
		spec, ok := tm.Columns[c.Name]
		if !ok {
			continue
		}
		mc, err := m.column(entry+".columns."+c.Name, spec, c, out)
		if err != nil {
			return nil, err
		}
		if mc.set != nil {
			name := c.Name
			if records {
				name = t.Kind + "." + c.Name
			}
			m.schema.Sets[name] = *mc.set
		} else {
			out.sql.Columns[c.Name] = mc.sql
		}
		out.columns = append(out.columns, mc)
	}
	m.tables[t.Kind] = out
	return out, nil
}

// name quotes a table's name part by part.
func (m *mapped) name(table string) string {
	parts := strings.Split(table, ".")
	for i, p := range parts {
		parts[i] = m.dialect.Quote(p)
	}
	return strings.Join(parts, ".")
}

var pathPart = regexp.MustCompile(`^[\p{L}\p{N}_ -]+$`)

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
	if (c.Type.Sort == catalog.Set) != (spec.Items != nil) {
		return fail("items are for sets, and sets lie in items")
	}
	if spec.Items != nil {
		i := spec.Items
		if i.Table == "" || i.Owner == "" || i.Item == "" {
			return fail("items need table, owner and item")
		}
		out.set = &sqlgen.Set{Name: m.name(i.Table), Owner: m.dialect.Quote(i.Owner), Item: m.dialect.Quote(i.Item), Filter: i.Where}
		return out, nil
	}
	sql, err := m.raw(entry, spec, t)
	if err != nil {
		return out, err
	}
	if spec.Column != "" && len(spec.JSON) == 0 {
		out.probe = sql
	}
	if m.dialect == Postgres && (c.Type.Sort == catalog.String || c.Type.Sort == catalog.Enum) {
		sql = "CAST(" + sql + " AS TEXT)" // of enums and UUIDs; for text it is nothing
	}
	if spec.EmptyIsMissing {
		sql = "NULLIF(" + sql + ", '')"
	}
	sql, err = m.convert(entry, spec, c.Type, sql)
	if err != nil {
		return out, err
	}
	out.sql = sqlgen.Column{SQL: sql, Zone: m.zone}
	switch c.Type.Sort {
	case catalog.Instant, catalog.Date:
		encodings := map[string]sqlgen.Encoding{
			"timestamptz": sqlgen.Native, "datetime": sqlgen.Local, "date": sqlgen.Native,
			"epoch": sqlgen.Seconds, "epoch_ms": sqlgen.Millis, "epoch_us": sqlgen.Micros,
		}
		e, ok := encodings[spec.Time]
		if !ok || (spec.Time == "date") != (c.Type.Sort == catalog.Date) {
			return fail("time is %q; a moment is timestamptz, datetime, epoch, epoch_ms or epoch_us, a day is date", spec.Time)
		}
		out.sql.Encoding = e
	default:
		if spec.Time != "" {
			return fail("time is for moments and days")
		}
	}
	return out, nil
}

// raw is the host's value before it is converted.
func (m *mapped) raw(entry string, spec ColumnMap, t *mappedTable) (string, error) {
	switch {
	case spec.SQL != "":
		return "(" + spec.SQL + ")", nil
	case spec.Pairs != nil:
		p := spec.Pairs
		if p.Table == "" || p.Owner == "" || p.Name == "" || p.Is == "" || p.Value == "" {
			return "", &MappingError{Entry: entry, Why: "pairs need table, owner, name, is and value"}
		}
		if m.dialect == ClickHouse {
			return "", &MappingError{Entry: entry, Why: "clickhouse has no subqueries of a row; map an expression or a view"}
		}
		q := m.dialect.Quote
		return fmt.Sprintf("(SELECT MIN(v.%s) FROM %s v WHERE v.%s = {t}.%s AND v.%s = %s)",
			q(p.Value), m.name(p.Table), q(p.Owner), t.sql.Key, q(p.Name), m.text(p.Is)), nil
	}
	column := "{t}." + m.dialect.Quote(spec.Column)
	if len(spec.JSON) == 0 {
		return column, nil
	}
	for _, part := range spec.JSON {
		if !pathPart.MatchString(part) {
			return "", &MappingError{Entry: entry, Why: fmt.Sprintf("%q cannot stand in a path", part)}
		}
	}
	dollar := m.text(`$."` + strings.Join(spec.JSON, `"."`) + `"`)
	switch m.dialect {
	case Postgres:
		return column + " #>> " + m.text("{\""+strings.Join(spec.JSON, `","`)+"\"}"), nil
	case MySQL:
		return "JSON_UNQUOTE(JSON_EXTRACT(" + column + ", " + dollar + "))", nil
	case ClickHouse:
		args := make([]string, len(spec.JSON))
		for i, part := range spec.JSON {
			args[i] = m.text(part)
		}
		return "nullIf(JSONExtractString(" + column + ", " + strings.Join(args, ", ") + "), '')", nil
	}
	return "json_extract(" + column + ", " + dollar + ")", nil
}

// text is a literal of the mapping's own words. It is the one place where a value
// becomes part of a statement, and only a mapping's, never a rule's or a customer's.
func (m *mapped) text(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if m.dialect == MySQL || m.dialect == ClickHouse {
		s = strings.ReplaceAll(s, `\`, `\\`)
	}
	return "'" + s + "'"
}

// convert makes the host's value one of the catalog's.
func (m *mapped) convert(entry string, spec ColumnMap, t catalog.Type, sql string) (string, error) {
	fail := func(why string) (string, error) { return "", &MappingError{Entry: entry, Why: why} }
	if len(spec.Values) > 0 {
		if t.Sort != catalog.String && t.Sort != catalog.Enum {
			return fail("values are for words")
		}
		var b strings.Builder
		b.WriteString("(CASE " + sql)
		for _, host := range slices.Sorted(maps.Keys(spec.Values)) {
			ours := t.Normal(spec.Values[host])
			if t.Sort == catalog.Enum && !slices.Contains(t.Values, ours) {
				return fail(fmt.Sprintf("%q is none of the catalog's values: %s", ours, strings.Join(t.Values, ", ")))
			}
			fmt.Fprintf(&b, " WHEN %s THEN %s", m.text(host), m.text(ours))
		}
		sql = b.String() + " ELSE " + sql + " END)"
	}
	number := t.Sort == catalog.Money || t.Sort == catalog.Number
	switch {
	case t.Sort == catalog.Money && spec.Amount != "decimal" && spec.Amount != "minor":
		return fail(`amount is "decimal", in major units, or "minor", in integers; floats are refused`)
	case !number && spec.Amount != "":
		return fail("amount is for money and numbers")
	}
	asText := len(spec.JSON) > 0 || spec.Pairs != nil
	switch {
	case number && spec.Amount == "decimal":
		return m.scaled(sql, t.Digits()), nil
	case number && asText:
		return m.integer(sql), nil
	case t.Sort == catalog.Bool && asText:
		return "(CASE " + sql + " WHEN 'true' THEN " + m.truth(true) + " WHEN '1' THEN " + m.truth(true) +
			" WHEN 'false' THEN " + m.truth(false) + " WHEN '0' THEN " + m.truth(false) + " END)", nil
	}
	return sql, nil
}

func (m *mapped) truth(b bool) string {
	switch {
	case m.dialect == Postgres && b:
		return "TRUE"
	case m.dialect == Postgres:
		return "FALSE"
	case b:
		return "1"
	}
	return "0"
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
		return "toInt64(" + sql + " * " + factor + ")"
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
