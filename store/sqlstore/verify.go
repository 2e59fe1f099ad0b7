package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// verify runs a statement without rows over every table, and looks at the types of
// its columns. What fails is tried again entry by entry, so that the error names it.
func (s *Mapped) verify(ctx context.Context) error {
	for _, kind := range s.kinds() {
		t := s.m.tables[kind]
		if err := s.verifyTable(ctx, t); err != nil {
			return err
		}
		for _, list := range [][]mappedColumn{t.columns, t.carried} {
			for i := range list {
				if err := s.verifyColumn(ctx, t, &list[i]); err != nil {
					return err
				}
			}
		}
		if t.changed != nil {
			if err := s.verifyChanged(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// probe runs SELECT expressions FROM a table without rows and gives the names of
// the columns' types.
func (s *Mapped) probe(ctx context.Context, from string, expressions ...string) ([]string, error) {
	return s.types(ctx, "SELECT "+strings.Join(expressions, ", ")+" FROM "+from+" WHERE 1 = 0")
}

// types runs a statement for the names of its columns' types.
func (s *Mapped) types(ctx context.Context, query string) (names []string, err error) {
	found, err := s.columnTypes(ctx, query)
	for _, t := range found {
		name := strings.ToUpper(t.DatabaseTypeName())
		if s.m.dialect == ClickHouse {
			name = bare(name)
		}
		names = append(names, name)
	}
	return names, err
}

// columnTypes runs a statement for its columns' types.
func (s *Mapped) columnTypes(ctx context.Context, query string) (found []*sql.ColumnType, err error) {
	err = apart(ctx, s.db, s.m.dialect, func(conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		if found, err = rows.ColumnTypes(); err != nil {
			return err
		}
		for rows.Next() { // some drivers report errors only now
		}
		return rows.Err()
	})
	return found, err
}

func at(sql string) string { return strings.ReplaceAll(sql, "{t}", "t") }

// condition is a probe's expression that reads a condition.
func condition(sql string) string { return "CASE WHEN " + at(sql) + " THEN 1 END" }

func (s *Mapped) verifyTable(ctx context.Context, t *mappedTable) error {
	from := t.sql.Name + " t"
	wrong := func(part, why string, err error) error {
		return &MappingError{Entry: t.entry + "." + part, Why: why, Err: err}
	}
	if _, err := s.probe(ctx, from, "1"); err != nil {
		return wrong("table", "the table cannot be read", err)
	}
	types := map[string]string{}
	for _, part := range [][2]string{{"key", t.sql.Key}, {"customer", t.sql.Customer}, {"parent", t.sql.Parent}} {
		if part[1] == "" {
			continue
		}
		found, err := s.probe(ctx, from, "t."+part[1])
		if err != nil {
			return wrong(part[0], "the column cannot be read", err)
		}
		types[part[0]] = found[0]
	}
	t.keys = keyForm(types["key"])
	if s.m.dialect != ClickHouse {
		s.owned(t, integerColumn(types))
	}
	if s.m.tenant != "" {
		if _, err := s.probe(ctx, from, condition(s.m.tenant)); err != nil {
			return wrong("tenant", "the tenant's condition cannot be read", err)
		}
	}
	if t.sql.Filter != "" {
		if _, err := s.probe(ctx, from, condition(t.sql.Filter)); err != nil {
			return wrong("where", "the condition cannot be read", err)
		}
	}
	if t.of.Kind != "" {
		if err := s.verifyLink(ctx, t, "customer", t.sql.Customer, types["customer"], s.m.tables[""]); err != nil {
			return err
		}
		if t.of.Parent != nil {
			if parent, ok := s.m.tables[t.of.Parent.Kind]; ok {
				return s.verifyLink(ctx, t, "parent", t.sql.Parent, types["parent"], parent)
			}
		}
		return nil
	}
	if guest := s.m.schema.Guest; guest != "" {
		if _, err := s.probe(ctx, from, condition(guest)); err != nil {
			return wrong("guest", "the condition cannot be read", err)
		}
	}
	if bucket := s.m.schema.Bucket; bucket != "" {
		if _, err := s.probe(ctx, from, "t."+bucket); err != nil {
			return wrong("bucket", "the column cannot be read", err)
		}
	}
	return nil
}

// integerColumn is the form of the column that tells whose a table's rows are. MariaDB
// may write integers without a sign with zeros before them, so those are kept as text.
func integerColumn(types map[string]string) sqlgen.KeyForm {
	column, ok := types["customer"]
	if !ok {
		column = types["key"]
	}
	if slices.Contains(wholeNumbers, column) {
		return sqlgen.IntegerKey
	}
	return sqlgen.AnyKey
}

// owned notes the form of the column that tells whose a table's rows are.
func (s *Mapped) owned(t *mappedTable, form sqlgen.KeyForm) {
	t.sql.Owner = form
	if t.of.Kind == "" {
		s.m.schema.Customers.Owner, s.m.schema.Customers.OwnerType = form, t.sql.OwnerType
		return
	}
	of := s.m.schema.Records[t.of.Kind]
	of.Owner, of.OwnerType = form, t.sql.OwnerType
	s.m.schema.Records[t.of.Kind] = of
}

// verifyLink checks that a column can be compared with the key that it points at.
// MariaDB compares numbers with text as floats, and would find "7" in "7up".
func (s *Mapped) verifyLink(ctx context.Context, t *mappedTable, part, column, dbType string, to *mappedTable) error {
	wrong := func(err error) error {
		return &MappingError{
			Entry: t.entry + "." + part, Err: err,
			Why: fmt.Sprintf("the column is of the type %s, which does not compare with %s.key, %s", dbType, to.entry, to.keys),
		}
	}
	if s.m.dialect == MySQL && keyForm(dbType).integer() != to.keys.integer() {
		return wrong(nil)
	}
	if s.m.dialect == ClickHouse {
		return nil // keys are compared as text there, whatever their types
	}
	if _, err := s.probe(ctx, t.sql.Name+" t JOIN "+to.sql.Name+" k ON k."+to.sql.Key+" = t."+column, "1"); err != nil {
		return wrong(err)
	}
	return nil
}

// keyForm is the type of a key's column as the database names it.
type keyForm string

func (k keyForm) integer() bool {
	return strings.Contains(string(k), "INT") || strings.Contains(string(k), "SERIAL")
}

// fits tells whether a text can be a key at all.
func (k keyForm) fits(key string) bool {
	switch {
	case k.integer():
		n, err := strconv.ParseInt(key, 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == key
	case k == "UUID":
		return uuidForm.MatchString(key)
	}
	return true
}

func (s *Mapped) verifyColumn(ctx context.Context, t *mappedTable, c *mappedColumn) error {
	wrong := func(why string, err error) error { return &MappingError{Entry: c.entry, Why: why, Err: err} }
	from := t.sql.Name + " t"
	if c.set != nil {
		return s.verifyItems(ctx, c)
	}
	if p := c.spec.Pairs; p != nil {
		q := s.m.dialect.Quote
		if _, err := s.probe(ctx, s.m.name(p.Table)+" t", "t."+q(p.Owner), "t."+q(p.Name), "t."+q(p.Value)); err != nil {
			return wrong("the pairs cannot be read", err)
		}
		if f := s.m.filter(p.AnyTenant, p.Where); f != "" {
			if _, err := s.probe(ctx, s.m.name(p.Table)+" t", condition(f)); err != nil {
				return wrong("the pairs' condition, or the tenant's, cannot be read", err)
			}
		}
	}
	if c.probe != "" {
		types, err := s.probe(ctx, from, at(c.probe))
		if err != nil {
			return wrong("the column cannot be read", err)
		}
		if why := misfit(s.m.dialect, types[0], c); why != "" {
			return wrong(fmt.Sprintf("the column is of the type %s: %s", types[0], why), nil)
		}
		if raw := c.sql.Raw; raw != nil {
			raw.Integer = slices.Contains(wholeNumbers, strings.TrimPrefix(types[0], "UNSIGNED ")) || slices.Contains(clickIntegers, types[0])
		}
		if types[0] == "TIMESTAMP" && s.m.dialect == MySQL {
			if err := s.verifySession(ctx); err != nil {
				return wrong("a TIMESTAMP is read as the session's time_zone says", err)
			}
		}
	}
	types, err := s.probe(ctx, from, at(c.sql.SQL))
	if err != nil {
		return wrong("the column cannot be read", err)
	}
	number := c.of.Type.Sort == catalog.Money || c.of.Type.Sort == catalog.Number
	if c.probe == "" && number && c.spec.Amount != "decimal" && !c.spec.written() && hasAny(types[0], floats...) {
		return wrong(fmt.Sprintf("the expression is of the type %s: %s", types[0], inexact), nil)
	}
	if err := s.verifyText(ctx, t, c); err != nil {
		return err
	}
	if err := s.verifyTimes(ctx, from, c); err != nil {
		return err
	}
	// Reading it as the library does finds what only fails once it is converted.
	st, err := sqlgen.Read(s.dialect(), s.m.schema, t.of.Kind, []sqlgen.Value{{Name: c.of.Name, Type: c.of.Type}}, nil)
	if err != nil {
		return err
	}
	query := strings.Replace(st.SQL, " WHERE ", " WHERE 1 = 0 AND ", 1)
	if _, err := s.types(ctx, query); err != nil {
		return wrong("the column cannot be read as "+c.of.Type.String(), err)
	}
	return nil
}

func (s *Mapped) verifyItems(ctx context.Context, c *mappedColumn) error {
	set, i := c.set, c.spec.Items
	wrong := func(why string, err error) error {
		return &MappingError{Entry: c.entry + ".items", Why: why, Err: err}
	}
	from := set.Name + " t"
	if _, err := s.probe(ctx, from, "t."+set.Owner, "t."+set.Item); err != nil {
		return wrong("the items cannot be read", err)
	}
	if set.Filter != "" {
		if _, err := s.probe(ctx, from, condition(set.Filter)); err != nil {
			return wrong("the items' condition, or the tenant's, cannot be read", err)
		}
	}
	folds, charset, err := s.collation(ctx, from, "t."+set.Item)
	switch {
	case err != nil:
		return wrong("the items cannot be read", err)
	case charset != "":
		return wrong("items are in UTF-8, the column is in "+charset, nil)
	case folds:
		set.Item = s.m.dialect.Quote(i.Item) + ` COLLATE "C"`
		s.m.schema.Sets[c.setName] = *set
	}
	return nil
}

func (s *Mapped) verifyChanged(ctx context.Context, t *mappedTable) error {
	c := t.changed
	wrong := func(why string, err error) error { return &MappingError{Entry: c.entry, Why: why, Err: err} }
	types, err := s.probe(ctx, t.sql.Name+" t", at(c.sql.SQL))
	if err != nil {
		return wrong("the column cannot be read", err)
	}
	if c.probe != "" {
		if why := misfit(s.m.dialect, types[0], c); why != "" {
			return wrong(fmt.Sprintf("the column is of the type %s: %s", types[0], why), nil)
		}
	}
	return s.verifyTimes(ctx, t.sql.Name+" t", c)
}

// wholeNumbers are the types of columns whose numbers may stand for words.
var wholeNumbers = []string{"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER", "BIGINT", "INT2", "INT4", "INT8"}

// floats are the types of engines that cannot hold every amount exactly.
var floats = []string{"FLOAT", "DOUBLE", "REAL"}

const inexact = "it cannot hold every amount exactly; keep amounts as decimals or integers"

func hasAny(dbType string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(dbType, w) {
			return true
		}
	}
	return false
}

// misfit is why a column's type cannot be what the mapping says, "" when it can.
// Engines that do not tell types pass.
func misfit(d Dialect, dbType string, c *mappedColumn) string {
	integer := keyForm(dbType).integer()
	zoned := d == Postgres && dbType == "TIMESTAMPTZ" || d == MySQL && dbType == "TIMESTAMP"
	stamp := strings.HasPrefix(dbType, "TIMESTAMP") || strings.HasPrefix(dbType, "DATETIME")
	switch {
	case dbType == "":
		return ""
	case (c.of.Type.Sort == catalog.Money || c.of.Type.Sort == catalog.Number) && hasAny(dbType, floats...):
		return inexact
	case c.spec.Amount == "minor" && !integer && !hasAny(dbType, "NUMERIC", "DECIMAL"):
		return "minor units are integers"
	case strings.HasPrefix(c.spec.Time, "epoch") && !integer:
		return "seconds, milliseconds and microseconds since 1970 are integers"
	case (c.spec.Time == "timestamptz" || c.spec.Time == "datetime") && integer:
		return "it is no timestamp; say epoch, epoch_ms or epoch_us"
	case (c.spec.Time == "timestamptz" || c.spec.Time == "datetime") && dbType == "DATE":
		return "it has days, not moments"
	case c.spec.Time == "datetime" && zoned:
		return "it knows its instant whatever the zone; say timestamptz"
	case c.spec.Time == "date" && (integer || stamp && d != SQLite):
		return "it is no date"
	}
	return ""
}
