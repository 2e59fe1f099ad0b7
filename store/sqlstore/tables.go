package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// ErrCatalogChanged is returned when the database holds a value as another type
// than the catalog declares. New attributes, fields and kinds are added by
// themselves; what changes its meaning is the host's to move.
var ErrCatalogChanged = errors.New("sqlstore: the tables hold another type than the catalog declares")

// The columns that every table of a kind has beside its fields. A catalog cannot
// declare them: customer is a word of the language, and of the others Open says so.
const (
	idColumn       = "id"
	customerColumn = "customer"
	guestColumn    = "_guest"
	bucketColumn   = "_bucket"
	ownPrefix      = "own." // of a dimension's field that the row itself carries
)

// layout is the library's own tables for a catalog, one a table of store.Schema:
//
//	<prefix>customers      id, _guest, _bucket, a column an attribute
//	<prefix>orders         id, customer, a column a field (all_orders' rows)
//	<prefix>items          id, customer, order, ..., product.category, own.product.category
//	<prefix>products       id, a column a field (a dimension)
//	<prefix>customers__tags  owner, item: one row an item of a set
//	<prefix>columns        how each column is declared
//
// Numbers are integers in stored units, instants microseconds since 1970, dates
// days since then. The field of a dimension is kept in the record, resolved; what
// the row itself carries stands in the own. column beside it.
type layout struct {
	dialect Dialect
	tables  map[*store.Table]*ownTable
}

type ownTable struct {
	of      *store.Table
	name    string      // unquoted
	columns []ownColumn // in the order of the catalog, without sets
	sets    []ownSet
	upsert  string // the statement that writes a whole row: fixed columns, then columns with their own
}

type ownColumn struct {
	store.Column
	own string // the name of the own. column; "" for what no dimension gives
}

// ownSet is a set: a table that is written, and what is read. The two differ where
// a dimension gives the set to rows that carry none: then a view is read.
type ownSet struct {
	column store.Column
	table  string
	read   string
}

// newLayout names the tables and columns of a catalog.
func newLayout(d Dialect, prefix string, s *store.Schema) (*layout, error) {
	l := &layout{dialect: d, tables: map[*store.Table]*ownTable{}}
	names := map[string]bool{prefix + "columns": true}
	claim := func(name string) error {
		if names[d.same(name)] {
			return fmt.Errorf("sqlstore: two tables would be called %q", name)
		}
		names[d.same(name)] = true
		return d.fits(name)
	}
	for _, t := range s.Tables() {
		own := &ownTable{of: t, name: prefix + t.Rows}
		if err := claim(own.name); err != nil {
			return nil, err
		}
		taken := map[string]bool{}
		for _, name := range own.fixed() {
			taken[d.same(name)] = true
		}
		for _, c := range t.Columns {
			if c.Type.Sort == catalog.Set {
				set := ownSet{column: c, read: own.name + "__" + c.Name}
				set.table = set.read
				if c.Reach != nil {
					set.table = own.name + "__" + ownPrefix + c.Name
					if err := claim(set.table); err != nil {
						return nil, err
					}
				}
				if err := claim(set.read); err != nil {
					return nil, err
				}
				own.sets = append(own.sets, set)
				continue
			}
			col := ownColumn{Column: c}
			if c.Reach != nil {
				col.own = ownPrefix + c.Name
			}
			for _, name := range []string{col.Name, col.own} {
				if name == "" {
					continue
				}
				if taken[d.same(name)] {
					return nil, fmt.Errorf("sqlstore: the table of %s cannot have a second column %q", t.Rows, name)
				}
				taken[d.same(name)] = true
				if err := d.fits(name); err != nil {
					return nil, err
				}
			}
			own.columns = append(own.columns, col)
		}
		own.upsert = own.upsertStatement(d)
		l.tables[t] = own
	}
	return l, nil
}

func (t *ownTable) upsertStatement(d Dialect) string {
	names := t.fixed()
	for _, c := range t.columns {
		names = append(names, c.Name)
		if c.own != "" {
			names = append(names, c.own)
		}
	}
	end := d.DoNothing(names[0])
	if len(names) > 1 {
		end = d.DoUpdate(names[:1], names[1:]...)
	}
	return "INSERT INTO " + d.Quote(t.name) + " (" + d.quoteAll(names) + ") VALUES (" +
		strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ") + ")" + end
}

// same is equal for names that the engine takes for one.
func (d Dialect) same(name string) string {
	if d == Postgres {
		return name
	}
	return strings.ToLower(name)
}

// fits tells whether the engine can hold a name; PostgreSQL would cut it.
func (d Dialect) fits(name string) error {
	most := 63
	if d == ClickHouse { // a file name of 255 bytes, in which a byte may become three
		most = 80
	}
	if d != SQLite && len(name) > most {
		return fmt.Errorf("sqlstore: the name %q is longer than the %d bytes that %s allows", name, most, d)
	}
	return nil
}

// fixed are the columns beside the fields.
func (t *ownTable) fixed() []string {
	switch {
	case t.of.Dimension:
		return []string{idColumn}
	case t.of.Kind == "":
		return []string{idColumn, guestColumn, bucketColumn}
	case t.of.Parent != nil:
		return []string{idColumn, customerColumn, t.of.ParentField}
	}
	return []string{idColumn, customerColumn}
}

// declared says how a type is kept, for the ledger of columns: a change of it is a
// change of what the stored integers and strings mean.
func declared(t catalog.Type) string {
	switch t.Sort {
	case catalog.Bool:
		return "bool"
	case catalog.Number:
		return fmt.Sprintf("number %d", t.Scale)
	case catalog.Money:
		return "money " + string(t.Currency)
	case catalog.Instant:
		return "instant"
	case catalog.Date:
		return "date"
	case catalog.Set:
		return "set"
	}
	if t.Folded {
		return "string folded"
	}
	return "string"
}

// keyType is the SQL type of ids and keys, whose order is that of their bytes.
func (l *layout) keyType() string {
	switch l.dialect {
	case Postgres:
		return `text COLLATE "C"`
	case MySQL:
		return "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
	}
	return "text"
}

func (l *layout) columnType(t catalog.Type) string {
	switch t.Sort {
	case catalog.String, catalog.Enum:
		switch l.dialect {
		case Postgres:
			return `text COLLATE "C"`
		case MySQL:
			return "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
		}
		return "text"
	case catalog.Bool:
		switch l.dialect {
		case Postgres:
			return "boolean"
		case MySQL:
			return "tinyint(1)"
		}
	}
	if l.dialect == SQLite {
		return "integer"
	}
	return "bigint"
}

// statements create the table and its indexes.
func (l *layout) statements(t *ownTable) []string {
	q := l.dialect.Quote
	key, integer := l.keyType(), l.columnType(catalog.Type{Sort: catalog.Number})
	lines := []string{q(idColumn) + " " + key + " NOT NULL PRIMARY KEY"}
	for _, name := range t.fixed()[1:] {
		switch name {
		case guestColumn:
			lines = append(lines, q(name)+" "+l.columnType(catalog.Type{Sort: catalog.Bool})+" NOT NULL")
		case bucketColumn:
			lines = append(lines, q(name)+" "+integer+" NOT NULL")
		default:
			lines = append(lines, q(name)+" "+key+" NOT NULL")
		}
	}
	for _, c := range t.columns {
		lines = append(lines, l.fieldLines(c)...)
	}
	out := []string{"CREATE TABLE " + q(t.name) + " (\n  " + strings.Join(lines, ",\n  ") + ")" + l.strict()}
	for _, set := range t.sets {
		out = append(out, l.setStatements(t, set)...)
	}
	if t.of.Kind == "" || t.of.Dimension {
		return out
	}
	index := func(name string, columns ...string) {
		out = append(out, "CREATE INDEX "+q(t.name+"__"+name)+" ON "+q(t.name)+" ("+l.dialect.quoteAll(columns)+")")
	}
	index(customerColumn, customerColumn, idColumn)
	if t.of.Time != "" {
		index(t.of.Time, t.of.Time, customerColumn)
	}
	if t.of.Parent != nil {
		index(t.of.ParentField, t.of.ParentField)
	}
	for _, by := range t.reachedBy() {
		if l.dialect == MySQL {
			out = append(out, "CREATE INDEX "+q(t.name+"__"+by)+" ON "+q(t.name)+" ("+q(by)+"(255))")
			continue
		}
		index(by, by)
	}
	return out
}

func (l *layout) setStatements(t *ownTable, set ownSet) []string {
	q, key := l.dialect.Quote, l.keyType()
	item := l.columnType(catalog.Type{Sort: catalog.String})
	if l.dialect == MySQL { // a key cannot hold a longtext; items of sets are words
		item = "varchar(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
	}
	out := []string{"CREATE TABLE " + q(set.table) + " (owner " + key + " NOT NULL, item " + item + " NOT NULL, PRIMARY KEY (owner, item))" + l.strict()}
	if reach := set.column.Reach; reach != nil {
		out = append(out, "CREATE VIEW "+q(set.read)+" AS SELECT owner, item FROM "+q(set.table)+
			" UNION ALL SELECT r."+q(idColumn)+" AS owner, d.item FROM "+q(t.name)+" r JOIN "+q(l.setOf(reach))+" d ON d.owner = r."+q(reach.By)+
			" WHERE NOT EXISTS (SELECT 1 FROM "+q(set.table)+" o WHERE o.owner = r."+q(idColumn)+")")
	}
	return out
}

// setOf is the table of the dimension's set that a field reaches.
func (l *layout) setOf(reach *catalog.Reach) string {
	for of, t := range l.tables {
		for _, set := range t.sets {
			if of.Kind == reach.Dimension && set.column.Name == reach.Field.Name {
				return set.table
			}
		}
	}
	return ""
}

func (l *layout) fieldLines(c ownColumn) []string {
	typ := l.columnType(c.Type)
	lines := []string{l.dialect.Quote(c.Name) + " " + typ}
	if c.own != "" {
		lines = append(lines, l.dialect.Quote(c.own)+" "+typ)
	}
	return lines
}

func (l *layout) strict() string {
	if l.dialect == SQLite {
		return " STRICT"
	}
	return ""
}

// reachedBy are the fields by which the table's rows reach dimensions, sorted.
func (t *ownTable) reachedBy() []string {
	var out []string
	for _, c := range t.columns {
		if c.Reach != nil {
			out = append(out, c.Reach.By)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// migrate makes the tables what the catalog asks for: it creates those that are
// missing and adds columns. Any number of processes may do so at once.
func (l *layout) migrate(ctx context.Context, db *sql.DB, prefix string, s *store.Schema) error {
	if l.dialect == MySQL {
		return locked(ctx, db, prefix+"columns", func(conn *sql.Conn) error { return l.migrateIn(ctx, conn, prefix, s) })
	}
	return l.migrateIn(ctx, db, prefix, s)
}

func (l *layout) migrateIn(ctx context.Context, db beginner, prefix string, s *store.Schema) error {
	ledger := l.dialect.Quote(prefix + "columns")
	return inTx(ctx, db, l.dialect, func(tx *sql.Tx) error {
		exec := func(query string, args ...any) error {
			if _, err := tx.ExecContext(ctx, l.dialect.Rebind(query), args...); err != nil {
				return fmt.Errorf("sqlstore: %s: %w", strings.SplitN(query, "\n", 2)[0], err)
			}
			return nil
		}
		if l.dialect == Postgres {
			if err := lockTx(ctx, tx, prefix+"columns"); err != nil {
				return err
			}
		}
		err := exec("CREATE TABLE IF NOT EXISTS " + ledger + " (of_table varchar(200) NOT NULL, name varchar(200) NOT NULL, declared varchar(60) NOT NULL, PRIMARY KEY (of_table, name))")
		if err != nil {
			return err
		}
		known, err := l.known(ctx, tx, ledger)
		if err != nil {
			return err
		}
		for _, of := range s.Tables() {
			t := l.tables[of]
			if !l.making(t, known[t.name]) {
				if err := l.migrateTable(t, known[t.name], exec); err != nil {
					return err
				}
				continue
			}
			change, err := l.resume(ctx, tx, ledger, t, known[t.name], exec)
			if err != nil {
				return err
			}
			if err := l.migrateTable(t, known[t.name], change); err != nil {
				return err
			}
			if err := l.record(ledger, t, of, known[t.name], exec); err != nil {
				return err
			}
		}
		return nil
	})
}

// present sees that the tables are what the catalog asks for, and writes nothing.
func (l *layout) present(ctx context.Context, db *sql.DB, prefix string, s *store.Schema) error {
	tx, err := beginReading(ctx, db, l.dialect, false)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	there, err := l.dialect.has(ctx, tx, prefix+"columns")
	if err != nil {
		return fmt.Errorf("sqlstore: look for tables: %w", err)
	}
	if !there {
		return ErrNotLoaded
	}
	known, err := l.known(ctx, tx, l.dialect.Quote(prefix+"columns"))
	if err != nil {
		return err
	}
	return declaredAs(known, prefix, s)
}

// declaredAs returns ErrCatalogChanged unless a ledger of columns has all tables and
// columns of the catalog, of the same types.
func declaredAs(known map[string]map[string]string, prefix string, s *store.Schema) error {
	for _, of := range s.Tables() {
		was := known[prefix+of.Rows]
		if was == nil {
			return fmt.Errorf("%w: %s are not in the tables; load the data again", ErrCatalogChanged, of.Rows)
		}
		for _, c := range of.Columns {
			switch declaration, ok := was[c.Name]; {
			case !ok:
				return fmt.Errorf("%w: %s of %s is not in the tables; load the data again", ErrCatalogChanged, c.Name, of.Rows)
			case declaration != declared(c.Type):
				return fmt.Errorf("%w: %s of %s is %s in the tables, %s in the catalog", ErrCatalogChanged, c.Name, of.Rows, declaration, declared(c.Type))
			}
		}
	}
	return nil
}

// known reads the ledger: how each column of each table is declared.
func (l *layout) known(ctx context.Context, tx *sql.Tx, ledger string) (map[string]map[string]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT of_table, name, declared FROM "+ledger)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read the ledger of columns: %w", err)
	}
	defer rows.Close()
	out := map[string]map[string]string{}
	for rows.Next() {
		var table, name, declared string
		if err := rows.Scan(&table, &name, &declared); err != nil {
			return nil, err
		}
		if out[table] == nil {
			out[table] = map[string]string{}
		}
		out[table][name] = declared
	}
	return out, rows.Err()
}

// execer runs a statement of a migration.
type execer = func(query string, args ...any) error

// migrateTable makes a table or changes it. before is what the ledger has of it.
func (l *layout) migrateTable(t *ownTable, before map[string]string, exec execer) error {
	if _, exists := before[""]; !exists {
		for _, stmt := range l.statements(t) {
			if err := exec(stmt); err != nil {
				return err
			}
		}
		if len(before) == 0 {
			return nil
		}
	}
	for _, c := range t.of.Columns {
		if was, ok := before[c.Name]; ok && was != declared(c.Type) {
			return fmt.Errorf("%w: %s of %s is %s in the tables, %s in the catalog", ErrCatalogChanged, c.Name, t.of.Rows, was, declared(c.Type))
		}
	}
	for _, c := range t.columns {
		if _, ok := before[c.Name]; ok {
			continue
		}
		for _, line := range l.fieldLines(c) {
			if err := exec("ALTER TABLE " + l.dialect.Quote(t.name) + " ADD COLUMN " + line); err != nil {
				return err
			}
		}
		if c.Reach != nil {
			if err := exec(l.resolveAll(t, c)); err != nil {
				return err
			}
		}
	}
	for _, set := range t.sets {
		if _, ok := before[set.column.Name]; !ok {
			for _, stmt := range l.setStatements(t, set) {
				if err := exec(stmt); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// resolveAll fills a column that a dimension gives to all rows that are there.
func (l *layout) resolveAll(t *ownTable, c ownColumn) string {
	return "UPDATE " + l.dialect.Quote(t.name) + " SET " + l.resolve(t, c)
}

// resolve sets a column to what the row itself carries, else to the dimension's.
func (l *layout) resolve(t *ownTable, c ownColumn) string {
	q := l.dialect.Quote
	dim := ""
	for of, table := range l.tables {
		if of.Kind == c.Reach.Dimension {
			dim = table.name
		}
	}
	return q(c.Name) + " = COALESCE(" + q(c.own) + ", (SELECT d." + q(c.Reach.Field.Name) + " FROM " + q(dim) + " d WHERE d." + q(idColumn) +
		" = " + q(t.name) + "." + q(c.Reach.By) + "))"
}

// describe tells package sqlgen where everything lies.
func (l *layout) describe(s *store.Schema) *sqlgen.Schema {
	q := l.dialect.Quote
	out := &sqlgen.Schema{
		Guest: "{t}." + q(guestColumn) + l.isTrue(), Bucket: q(bucketColumn),
		Records: map[string]sqlgen.Table{}, Sets: map[string]sqlgen.Set{},
	}
	for _, of := range append([]*store.Table{s.Customers}, s.Kinds...) {
		t := l.tables[of]
		table := sqlgen.Table{Name: q(t.name), Key: q(idColumn), Columns: map[string]sqlgen.Column{}}
		prefix := ""
		if of.Kind != "" {
			table.Customer, prefix = q(customerColumn), of.Kind+"."
		}
		if of.Parent != nil {
			table.Parent = q(of.ParentField)
			table.Columns[of.ParentField] = sqlgen.Column{SQL: "{t}." + q(of.ParentField)}
		}
		for _, c := range t.columns {
			table.Columns[c.Name] = sqlgen.Column{SQL: "{t}." + q(c.Name)}
		}
		for _, set := range t.sets {
			out.Sets[prefix+set.column.Name] = sqlgen.Set{Name: q(set.read), Owner: "owner", Item: "item"}
		}
		if of.Kind == "" {
			out.Customers = table
		} else {
			out.Records[of.Kind] = table
		}
	}
	return out
}

func (l *layout) isTrue() string {
	if l.dialect == Postgres {
		return ""
	}
	return " = 1"
}

// Describe tells package sqlgen where the tables that Open makes hold a catalog, for
// those who run statements of their own over them. The prefix defaults to Open's.
func Describe(d Dialect, c *catalog.Catalog, prefix string) (*sqlgen.Schema, error) {
	opts, err := Options{Prefix: prefix}.withDefaults(nil)
	if err != nil {
		return nil, err
	}
	schema, err := store.NewSchema(c)
	if err != nil {
		return nil, err
	}
	l, err := newLayout(d, opts.Prefix, schema)
	if err != nil {
		return nil, err
	}
	return l.describe(schema), nil
}
