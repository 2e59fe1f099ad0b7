package sqlgen

import (
	"strconv"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// farAhead is until when the clock changes of a zone are written out for reading.
var farAhead = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// Value is a column of a Read: an attribute or field and its type.
type Value struct {
	Name string
	Type catalog.Type
}

// Read writes the statement that reads rows as they are: of a kind of records, or
// of customers for "". Its columns are the key as text; of customers a boolean that
// tells guests; of records the customer's id and the parent's key as text; then the
// values: numbers in stored units, instants in microseconds, days since
// 1970-01-01, NULL for missing. Sets are not among them.
//
// With an id it reads the rows of one customer, else of all, ordered by the bytes
// of the customer's id and then of the key.
func Read(d Dialect, s *Schema, kind string, values []Value, id *dangol.CustomerID) (Statement, error) {
	g := newGenerator(d, s, Query{AsOf: farAhead}, nil)
	table, owner := s.Customers, s.Customers.Key
	var columns []piece
	if kind != "" {
		table = s.Records[kind]
		owner = table.Customer
	}
	columns = append(columns, text(g.asText("r."+table.Key)))
	switch {
	case kind != "":
		columns = append(columns, text(g.asText("r."+table.Customer)))
		if table.Parent != "" {
			columns = append(columns, text(g.asText("r."+table.Parent)))
		}
	case s.Guest != "":
		columns = append(columns, text("CASE WHEN ("+place(s.Guest, "r")+") THEN 1 ELSE 0 END"))
	default:
		columns = append(columns, text("0"))
	}
	for _, v := range values {
		col := table.Columns[v.Name]
		sql := g.decode(col, v.Type.Sort, "r")
		if v.Type.Sort == catalog.Bool {
			sql = "CASE WHEN " + sql + " IS NULL THEN NULL WHEN " + g.boolean(text(sql)).sql + " THEN 1 ELSE 0 END"
		}
		columns = append(columns, text(sql))
	}
	out := join("SELECT ", list(columns, ", "), " FROM "+g.table(table)+" r WHERE r."+owner+" IS NOT NULL")
	if table.Filter != "" {
		out = join(out, " AND ("+place(table.Filter, "r")+")")
	}
	order := g.bytes("r." + table.Key)
	if id != nil {
		out = join(out, " AND ", g.owned("r."+owner, table.Owner, *id))
	} else if kind != "" {
		order = g.bytes("r."+owner) + ", " + order
	}
	return g.statement(join(out, " ORDER BY "+order))
}

// ReadSet is Read for the items of a set: of a customer's own, for the kind "", its
// columns are the customer's id as text and the item; of records they are the
// customer's id, the record's key, both as text, and the item. With an id it reads
// those of one customer.
func ReadSet(d Dialect, s *Schema, kind, field string, id *dangol.CustomerID) (Statement, error) {
	g := newGenerator(d, s, Query{}, nil)
	name := field
	if kind != "" {
		name = kind + "." + field
	}
	t := s.Sets[name]
	if kind != "" && d == ClickHouse {
		return g.clickReadSet(s.Records[kind], t, id)
	}
	owner, order := "s."+t.Owner, g.bytes("s."+t.Owner)
	out := text("SELECT " + g.asText("s."+t.Owner) + ", s." + t.Item + " FROM " + t.Name + " s WHERE ")
	if kind != "" {
		rows := s.Records[kind]
		owner, order = "r."+rows.Customer, g.bytes("r."+rows.Customer)+", "+order
		out = text("SELECT " + g.asText(owner) + ", " + g.asText("s."+t.Owner) + ", s." + t.Item + " FROM " + rows.Name + " r JOIN " +
			t.Name + " s ON s." + t.Owner + " = r." + rows.Key + " WHERE ")
		if rows.Filter != "" {
			out = join(out, "("+place(rows.Filter, "r")+") AND ")
		}
	}
	out = join(out, owner+" IS NOT NULL AND s."+t.Item+" IS NOT NULL")
	if t.Filter != "" {
		out = join(out, " AND ("+place(t.Filter, "s")+")")
	}
	if id != nil {
		out = join(out, " AND ", g.owned(owner, AnyKey, *id))
	}
	return g.statement(join(out, " ORDER BY "+order))
}

// owned is the test that a column holds a customer's id. ClickHouse of old compares
// numbers with numbers only, and finds a row by its key where the column stands bare.
func (g *generator) owned(column string, form KeyForm, id dangol.CustomerID) piece {
	if g.dialect == ClickHouse {
		switch form {
		case IntegerKey:
			n, err := strconv.ParseInt(string(id), 10, 64)
			if err != nil {
				return g.always(false)
			}
			return join(column+" = ", text("?", n))
		case AnyKey:
			column = g.asText(column)
		}
	}
	return join(column+" = ", text("?", string(id)))
}
