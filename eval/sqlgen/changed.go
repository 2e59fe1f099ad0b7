package sqlgen

import "time"

// Changed writes the statement that finds whose rows of a table were written at or
// after an instant, by the column that tells it: of customers for the kind "", or of
// records. Its rows are ids as text, in no order, each once. The table's filter is not
// asked: a row that has just stopped to count has changed too.
func Changed(d Dialect, s *Schema, kind string, at Column, since time.Time) (Statement, error) {
	g := newGenerator(d, s, Query{AsOf: farAhead}, nil)
	table, owner := s.Customers, "r."+s.Customers.Key
	if kind != "" {
		table = s.Records[kind]
		owner = "r." + table.Customer
	}
	changed := join(place(at.SQL, "r")+" >= ", text("?", g.encode(at, since.UnixMicro())))
	if d == ClickHouse {
		changed = g.clickBefore(at, "r", ">=", since.UnixMicro())
	}
	out := join("SELECT DISTINCT ", g.asText(owner), " FROM "+table.Name+" r WHERE "+owner+" IS NOT NULL AND ", changed)
	if table.Tenant != "" {
		out = join(out, " AND ("+place(table.Tenant, "r")+")")
	}
	return g.statement(out)
}
