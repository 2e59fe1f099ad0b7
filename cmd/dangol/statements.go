package main

import (
	"errors"

	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

var dialects = map[string]sqlstore.Dialect{
	"sqlite": sqlstore.SQLite, "postgres": sqlstore.Postgres, "mysql": sqlstore.MySQL, "clickhouse": sqlstore.ClickHouse,
}

// statements are those that find the rule's members over the tables that dangol
// load fills: the cuts of ranks first.
func (c *sqlCmd) statements(s *streams) ([]statement, error) {
	zone, err := zoneOf(c.Zone)
	if err != nil {
		return nil, err
	}
	asOf, err := moment(c.AsOf, zone)
	if err != nil {
		return nil, err
	}
	cat, err := c.read()
	if err != nil {
		return nil, err
	}
	rules, err := compiler(cat, c.Catalog)
	if err != nil {
		return nil, err
	}
	p, err := check(s, rules, c.Rule, plan.Scope(c.Scope))
	if err != nil {
		return nil, err
	}
	tables, err := sqlstore.Describe(dialects[c.Dialect], cat, "")
	if err != nil {
		return nil, err
	}
	d := sqlgen.Dialect(c.Dialect)
	q := sqlgen.Query{Plans: []*plan.Plan{p}, AsOf: asOf, Zone: zone, Scope: plan.Scope(c.Scope)}
	var list []statement
	rebind := dialects[c.Dialect].Rebind
	add := func(what string, st sqlgen.Statement) {
		list = append(list, statement{For: what, SQL: rebind(st.SQL), Args: st.Args})
	}
	cuts := map[string]sqlgen.Cut{}
	for _, rank := range eval.Ranks(p) {
		count, at, err := sqlgen.Ranked(d, tables, q, rank)
		if err != nil {
			return nil, c.unsupported(p, err)
		}
		first, err := at(1)
		if err != nil {
			return nil, c.unsupported(p, err)
		}
		add("how many are ranked", count)
		add("the value of the first of them: the cut is that of the last one inside", first)
		cuts[plan.Key(rank)] = sqlgen.Cut{}
	}
	st, links, err := sqlgen.Linked(d, tables, q, cuts)
	if err != nil {
		return nil, c.unsupported(p, err)
	}
	what := "the members"
	if len(cuts) > 0 {
		what += ", with cuts of 0"
	}
	add(what, st)
	members := &list[len(list)-1]
	for _, l := range links { // placeholders with numbers are longer
		from, to := len(rebind(st.SQL[:l.Start])), len(rebind(st.SQL[:l.End]))
		members.Parts = append(members.Parts, part{p.Text[l.Rule.Start:l.Rule.End], members.SQL[from:to], from})
	}
	return list, nil
}

// unsupported shows what of the rule a dialect cannot do.
func (c *sqlCmd) unsupported(p *plan.Plan, err error) error {
	no := (*plan.Unsupported)(nil)
	if !errors.As(err, &no) {
		return err
	}
	return wrong{render("rule", p.Text, source.Diagnostics{{Code: "unsupported", Span: no.Span, Message: no.Error()}})}
}
