package sqlstore

import (
	"fmt"
	"maps"
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
	// Tenant narrows every table, those of items and pairs too, to the rows of one
	// tenant; {t} stands for the alias.
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
	// Changed is the column that tells when a row was last written, with its Time:
	// what ChangedSince asks. Defaults to none.
	Changed *ColumnMap `yaml:"changed,omitempty"`
	// Owned says of records that the customer of every row that counts is a row of
	// customers that counts, as a foreign key makes sure: then a rule that needs a
	// record is answered without looking for its customer. It is trusted.
	Owned bool `yaml:"owned,omitempty"`
	// Columns by the names of attributes or fields. A field of the parent that the
	// rows carry too stands under its path, such as order.placed.
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
	// Values are the host's words for the catalog's, completed: confirmed, and of
	// booleans for true and false, Y: true. They are compared by their bytes.
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
	// AnyTenant leaves Mapping.Tenant out: the table has no such column, and its
	// owners are of one tenant anyway.
	AnyTenant bool `yaml:"any_tenant,omitempty"`
}

// Pairs is a table of names and values, as EAV schemas and metadata tables are. Of
// several rows with the name, the smallest value is taken.
type Pairs struct {
	Table string `yaml:"table"`
	Owner string `yaml:"owner"`
	Name  string `yaml:"name"`  // the column of the name
	Is    string `yaml:"is"`    // the name that is meant
	Value string `yaml:"value"` // the column of the value
	Where string `yaml:"where,omitempty"`
	// AnyTenant is as in Items.
	AnyTenant bool `yaml:"any_tenant,omitempty"`
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
	tenant  string
	schema  *sqlgen.Schema
	tables  map[string]*mappedTable // by kind, "" for customers
	hosts   []string                // the tables that statements read, as the mapping names them; "" for its SQL
}

type mappedTable struct {
	entry   string
	of      *store.Table
	sql     sqlgen.Table
	columns []mappedColumn // in the order of the catalog
	changed *mappedColumn  // nil where the mapping names none
	// keys tells which texts can be keys at all: those of another form are unknown
	// to a database that would not even compare them. Set when the table is verified.
	keys    keyForm
	carried []mappedColumn // fields of the parent, named as package sqlgen wants them
}

type mappedColumn struct {
	entry   string
	of      store.Column
	sql     sqlgen.Column
	set     *sqlgen.Set
	setName string // in sqlgen.Schema.Sets
	probe   string // the raw column, whose type is looked at; "" when it is an expression
	spec    ColumnMap
}

// ready checks the mapping against the catalog. Errors are *MappingError.
func (m Mapping) ready(d Dialect, s *store.Schema) (*mapped, error) {
	out := &mapped{dialect: d, zone: time.UTC, tenant: m.Tenant, tables: map[string]*mappedTable{}, schema: &sqlgen.Schema{
		Records: map[string]sqlgen.Table{}, Sets: map[string]sqlgen.Set{},
	}}
	if m.Zone != "" {
		zone, err := time.LoadLocation(m.Zone)
		if err != nil || m.Zone == "Local" {
			return nil, &MappingError{Entry: "zone", Why: fmt.Sprintf("%q is no time zone", m.Zone)}
		}
		out.zone = zone
	}
	if why := d.unsafeSQL(m.Tenant); why != "" {
		return nil, &MappingError{Entry: "tenant", Why: why}
	}
	customers, err := out.table("customers", m.Customers, s.Customers)
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
		mt, err := out.table(entry, m.Records[kind], t)
		if err != nil {
			return nil, err
		}
		out.schema.Records[kind] = mt.sql
	}
	return out, nil
}

func (m *mapped) table(entry string, tm TableMap, t *store.Table) (*mappedTable, error) {
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
	case !records && tm.Owned:
		return fail("owned", "is for records")
	case records && (tm.Guest != "" || tm.Bucket != ""):
		return fail("guest", "guest and bucket are of customers")
	}
	for _, part := range [][2]string{{"table", tm.Table}, {"key", tm.Key}, {"customer", tm.Customer}, {"parent", tm.Parent}, {"bucket", tm.Bucket}} {
		if strings.Contains(part[1], "{t}") {
			return fail(part[0], "{t} stands for the table's alias in expressions, not in names and words")
		}
	}
	for _, part := range [][2]string{{"sql", tm.SQL}, {"where", tm.Where}, {"guest", tm.Guest}} {
		if why := m.dialect.unsafeSQL(part[1]); why != "" {
			return fail(part[0], why)
		}
	}
	name := "(" + tm.SQL + ")"
	if tm.Table != "" {
		name = m.name(tm.Table)
	}
	m.hosts = append(m.hosts, tm.Table)
	out := &mappedTable{entry: entry, of: t, sql: sqlgen.Table{
		Name: name, Key: m.dialect.Quote(tm.Key), Columns: map[string]sqlgen.Column{}, Owned: tm.Owned,
	}}
	if records {
		out.sql.Customer = m.dialect.Quote(tm.Customer)
	}
	out.sql.Filter, out.sql.Tenant = m.filter(false, tm.Where), m.tenant
	if tm.Parent != "" {
		out.sql.Parent = m.dialect.Quote(tm.Parent)
		if t.ParentField != "" {
			out.sql.Columns[t.ParentField] = sqlgen.Column{SQL: "{t}." + out.sql.Parent}
		}
	}
	carried := map[string]store.Column{}
	for _, name := range slices.Sorted(maps.Keys(tm.Columns)) {
		if c, ok := ofParent(t, name); ok {
			carried[name] = c
		} else if _, err := t.Column(name); err != nil {
			return fail("columns."+name, err.Error())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(carried)) {
		mc, err := m.column(entry+".columns."+name, tm.Columns[name], carried[name], out)
		if err != nil {
			return nil, err
		}
		if mc.set != nil {
			return fail("columns."+name, "a set of the parent cannot be carried")
		}
		out.sql.Columns[mc.of.Name] = mc.sql
		out.carried = append(out.carried, mc)
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
			mc.setName = c.Name
			if records {
				mc.setName = t.Kind + "." + c.Name
			}
			m.schema.Sets[mc.setName] = *mc.set
		} else {
			out.sql.Columns[c.Name] = mc.sql
		}
		out.columns = append(out.columns, mc)
	}
	if tm.Changed != nil {
		changed, err := m.column(entry+".changed", *tm.Changed, store.Column{Name: "changed", Type: catalog.Type{Sort: catalog.Instant}}, out)
		if err != nil {
			return nil, err
		}
		out.changed = &changed
	}
	m.tables[t.Kind] = out
	return out, nil
}

// filter is the condition that rows of a table must meet, "" for none.
func (m *mapped) filter(anyTenant bool, where string) string {
	var parts []string
	if m.tenant != "" && !anyTenant {
		parts = append(parts, "("+m.tenant+")")
	}
	if where != "" {
		parts = append(parts, "("+where+")")
	}
	return strings.Join(parts, " AND ")
}

// ofParent is the parent's field that a name such as order.placed means, under the
// name that package sqlgen has for it.
func ofParent(t *store.Table, name string) (store.Column, bool) {
	field, ok := strings.CutPrefix(name, t.ParentField+".")
	if !ok || t.Parent == nil || t.ParentField == "" {
		return store.Column{}, false
	}
	c, err := t.Parent.Column(field)
	if err != nil {
		return store.Column{}, false
	}
	out := *c
	out.Name = t.Parent.Kind + "." + c.Name
	return out, true
}

// name quotes a table's name part by part.
func (m *mapped) name(table string) string {
	parts := strings.Split(table, ".")
	for i, p := range parts {
		parts[i] = m.dialect.Quote(p)
	}
	return strings.Join(parts, ".")
}
