package sqlstore

import (
	"context"
	"fmt"
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
		for _, c := range t.columns {
			if err := s.verifyColumn(ctx, t, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// probe runs SELECT expressions FROM a table without rows and gives the names of
// the columns' types.
func (s *Mapped) probe(ctx context.Context, from string, expressions ...string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+strings.Join(expressions, ", ")+" FROM "+from+" t WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = strings.ToUpper(t.DatabaseTypeName())
	}
	for rows.Next() { // some drivers report errors only now
	}
	return names, rows.Err()
}

func at(sql string) string { return strings.ReplaceAll(sql, "{t}", "t") }

func (s *Mapped) verifyTable(ctx context.Context, t *mappedTable) error {
	if _, err := s.probe(ctx, t.sql.Name, "1"); err != nil {
		return &MappingError{Entry: t.entry + ".table", Why: "the table cannot be read", Err: err}
	}
	for part, column := range map[string]string{"key": t.sql.Key, "customer": t.sql.Customer, "parent": t.sql.Parent} {
		if column == "" {
			continue
		}
		if _, err := s.probe(ctx, t.sql.Name, "t."+column); err != nil {
			return &MappingError{Entry: t.entry + "." + part, Why: "the column cannot be read", Err: err}
		}
	}
	if t.sql.Filter != "" {
		if _, err := s.probe(ctx, t.sql.Name, "CASE WHEN "+at(t.sql.Filter)+" THEN 1 END"); err != nil {
			return &MappingError{Entry: t.entry + ".where", Why: "the condition cannot be read", Err: err}
		}
	}
	if t.of.Kind != "" {
		return nil
	}
	if guest := s.m.schema.Guest; guest != "" {
		if _, err := s.probe(ctx, t.sql.Name, "CASE WHEN "+at(guest)+" THEN 1 END"); err != nil {
			return &MappingError{Entry: t.entry + ".guest", Why: "the condition cannot be read", Err: err}
		}
	}
	if bucket := s.m.schema.Bucket; bucket != "" {
		if _, err := s.probe(ctx, t.sql.Name, "t."+bucket); err != nil {
			return &MappingError{Entry: t.entry + ".bucket", Why: "the column cannot be read", Err: err}
		}
	}
	return nil
}

// floats are the types of engines that cannot hold every amount exactly.
var floats = []string{"FLOAT", "DOUBLE", "REAL"}

func (s *Mapped) verifyColumn(ctx context.Context, t *mappedTable, c mappedColumn) error {
	if c.set != nil {
		set := *c.set
		filter := "1"
		if set.Filter != "" {
			filter = "CASE WHEN " + at(set.Filter) + " THEN 1 END"
		}
		if _, err := s.probe(ctx, set.Name, "t."+set.Owner, "t."+set.Item, filter); err != nil {
			return &MappingError{Entry: c.entry + ".items", Why: "the items cannot be read", Err: err}
		}
		return nil
	}
	types, err := s.probe(ctx, t.sql.Name, at(c.sql.SQL))
	if err != nil {
		return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
	}
	if c.probe != "" {
		if types, err = s.probe(ctx, t.sql.Name, at(c.probe)); err != nil {
			return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
		}
		if why := misfit(types[0], c); why != "" {
			return &MappingError{Entry: c.entry, Why: fmt.Sprintf("the column is of the type %s: %s", types[0], why)}
		}
	}
	// Reading it as the library does finds what only fails once it is converted.
	st, err := sqlgen.Read(s.dialect(), s.m.schema, t.of.Kind, []sqlgen.Value{{Name: c.of.Name, Type: c.of.Type}}, nil)
	if err != nil {
		return err
	}
	query := strings.Replace(st.SQL, " WHERE ", " WHERE 1 = 0 AND ", 1)
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return &MappingError{Entry: c.entry, Why: "the column cannot be read as " + c.of.Type.String(), Err: err}
	}
	defer rows.Close()
	for rows.Next() { // some drivers report errors only now
	}
	if err := rows.Err(); err != nil {
		return &MappingError{Entry: c.entry, Why: "the column cannot be read as " + c.of.Type.String(), Err: err}
	}
	return nil
}

// misfit is why a column's type cannot be what the mapping says, "" when it can.
// Engines that do not tell types pass.
func misfit(dbType string, c mappedColumn) string {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(dbType, w) {
				return true
			}
		}
		return false
	}
	integer := has("INT", "BIGSERIAL", "SERIAL")
	switch {
	case dbType == "":
		return ""
	case (c.of.Type.Sort == catalog.Money || c.of.Type.Sort == catalog.Number) && has(floats...):
		return "it cannot hold every amount exactly; keep amounts as decimals or integers"
	case c.spec.Amount == "minor" && !integer && !has("NUMERIC", "DECIMAL"):
		return "minor units are integers"
	case strings.HasPrefix(c.spec.Time, "epoch") && !integer:
		return "seconds, milliseconds and microseconds since 1970 are integers"
	case (c.spec.Time == "timestamptz" || c.spec.Time == "datetime") && integer:
		return "it is no timestamp; say epoch, epoch_ms or epoch_us"
	case c.spec.Time == "date" && integer:
		return "it is no date"
	}
	return ""
}
