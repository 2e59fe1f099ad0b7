package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

type selectCmd struct {
	shopFlags
	Scope  string `enum:"members,guests,both" default:"members" help:"Whom the rule is about: ${enum}. Defaults to members."`
	Count  bool   `help:"Print only how many there are."`
	Format string `enum:"text,csv,json" default:"text" help:"One of ${enum}. Defaults to text, one id a line."`
	Strict bool   `help:"Fail when the rule reads values that are only known as they are now, for a moment in the past."`
	Rule   string `arg:"" help:"The rule, such as 'joined within 7d and not orders(7d)'."`
}

// Run is the command.
func (c *selectCmd) Run(s *streams) (err error) {
	shop, p, err := c.open(s, c.Rule, plan.Scope(c.Scope))
	defer func() { err = errors.Join(err, shop.close()) }()
	if err != nil {
		return err
	}
	answers, err := shop.store.Select(s.ctx, store.Query{
		Plans: []*plan.Plan{p}, AsOf: shop.asOf, Zone: shop.zone, Strict: c.Strict,
	})
	if err != nil {
		return err
	}
	answer := answers[0]
	if answer.Err != nil {
		return answer.Err
	}
	if !answer.Exact {
		fmt.Fprintln(s.err, "note: read as of now, not of then:", strings.Join(answer.Current, ", "))
	}
	out := bufio.NewWriter(s.out)
	if err := c.print(s, out, shop, answer); err != nil {
		return err
	}
	return out.Flush()
}

func (c *selectCmd) print(s *streams, out io.Writer, shop *shop, a store.Answer) error {
	switch {
	case c.Format == "json":
		return c.printJSON(s, shop, a)
	case c.Format == "csv":
		w := csv.NewWriter(out)
		if c.Count {
			_ = w.WriteAll([][]string{{"count"}, {fmt.Sprint(a.Members.Len())}}) // told by Error
			return w.Error()
		}
		_ = w.Write([]string{"id"})
		for id := range a.Members.All() {
			_ = w.Write([]string{string(id)})
		}
		w.Flush()
		return w.Error()
	case c.Count:
		_, err := fmt.Fprintln(out, a.Members.Len())
		return err
	}
	for id := range a.Members.All() {
		if _, err := fmt.Fprintln(out, id); err != nil {
			return err
		}
	}
	return nil
}

func (c *selectCmd) printJSON(s *streams, shop *shop, a store.Answer) error {
	result := struct {
		Rule    string              `json:"rule"`
		Scope   string              `json:"scope"`
		AsOf    string              `json:"as_of"`
		Zone    string              `json:"zone"`
		Exact   bool                `json:"exact"`
		Current []string            `json:"current,omitempty"` // what was read as of now
		Count   int                 `json:"count"`
		Members []dangol.CustomerID `json:"members,omitzero"`
	}{
		Rule: c.Rule, Scope: c.Scope, AsOf: a.AsOf.In(shop.zone).Format(time.RFC3339), Zone: shop.zone.String(),
		Exact: a.Exact, Current: a.Current, Count: a.Members.Len(),
	}
	if !c.Count {
		result.Members = make([]dangol.CustomerID, 0, a.Members.Len())
		for id := range a.Members.All() {
			result.Members = append(result.Members, id)
		}
	}
	return s.json(result)
}
