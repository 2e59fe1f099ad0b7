package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/report"
	"github.com/dangol-dev/dangol/store/csvdir"
	"github.com/dangol-dev/dangol/store/memstore"
)

// folder is a shop of CSV files: customers.csv and orders.csv at least.
type folder struct {
	dir      string
	from     string // a local day
	weeks    int
	zone     string
	currency string
}

// recency sorts customers by nothing but their orders, for shops that have kept
// nothing else.
var recency = segment.Ladder{
	Leaving: segment.StageChurned,
	Rest:    segment.Step{Stage: segment.StageProspect, Name: "never bought"},
	Order:   []string{segment.StageProspect, segment.StageNew, segment.StageActive, segment.StageLoyal, segment.StageChurned},
	Steps: []segment.Step{
		{Stage: segment.StageNew, Name: "first order in 4 weeks", Rule: "first(orders) within 4w"},
		{Stage: segment.StageLoyal, Name: "6 orders, the last in 26 weeks", Rule: "orders >= 6 and orders(26w)"},
		{Stage: segment.StageActive, Name: "an order in 26 weeks", Rule: "orders(26w)"},
		{Stage: segment.StageChurned, Name: "none in 26 weeks", Rule: "orders"},
	},
}

// existing draws the page of a shop that is there.
func existing(ctx context.Context, say, page io.Writer, f folder) error {
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return err
	}
	first, err := time.ParseInLocation(time.DateOnly, f.from, zone)
	if err != nil {
		return err
	}
	data, err := memstore.New(catalog.ShopIn(dangol.Currency(f.currency)), memstore.Options{})
	if err != nil {
		return err
	}
	if err := csvdir.Load(ctx, f.dir, data, csvdir.Options{Zone: zone}); err != nil {
		return err
	}
	groups, err := segment.New(segment.Config{Data: data, Zone: zone})
	if err != nil {
		return err
	}
	var weeks []time.Time
	for w := 1; w <= f.weeks; w++ {
		weeks = append(weeks, first.AddDate(0, 0, 7*w))
	}
	line, err := groups.Timeline(ctx, recency, weeks)
	if err != nil {
		return err
	}
	fmt.Fprintf(say, "%-12s %8s %8s %8s %8s %8s\n", "week up to", "prospect", "new", "active", "loyal", "churned")
	for _, s := range line.Shares() {
		fmt.Fprintf(say, "%-12s %8d %8d %8d %8d %8d\n", s.At.Format(time.DateOnly), s.Stages[0], s.Stages[1], s.Stages[2], s.Stages[3], s.Stages[4])
	}
	tell(say, line)
	return report.Write(page, report.Data{
		Timeline: line, Titles: titles, Zone: zone, Whole: true, Note: f.dir + ", by week",
		Kept: []string{segment.StageNew, segment.StageActive, segment.StageLoyal},
	})
}
