// Lifecycle: a generated year of a shop in Seoul, its customers sorted into the
// five life stages, as groups that are refreshed on the way and as one HTML page.
// Or a shop that is there, from a folder of CSV files, week by week:
//
//	go run ./examples/lifecycle --out lifecycle.html
//	go run ./examples/lifecycle --data ../shared/data/cdnow --from 1997-01-01 --weeks 78 --zone America/New_York --currency USD
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/report"
	"github.com/dangol-dev/dangol/store/memstore"
)

var titles = map[string]string{
	segment.StageProspect: "잠재 고객 prospect", segment.StageNew: "신규 고객 new", segment.StageActive: "활성 고객 active",
	segment.StageLoyal: "충성 고객 loyal", segment.StageChurned: "이탈 고객 churned",
}

func main() {
	out := flag.String("out", "out/lifecycle.html", "where the page goes")
	customers := flag.Int("customers", 800, "how many customers the shop gets")
	var f folder
	flag.StringVar(&f.dir, "data", "", "a folder of CSV files instead of the generated shop")
	flag.StringVar(&f.from, "from", "1997-01-01", "with --data: the first day")
	flag.IntVar(&f.weeks, "weeks", 78, "with --data: how many weeks")
	flag.StringVar(&f.zone, "zone", "Asia/Seoul", "with --data: the shop's time zone")
	flag.StringVar(&f.currency, "currency", "KRW", "with --data: the shop's currency")
	flag.Parse()
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		log.Fatal(err)
	}
	page, err := os.Create(*out)
	if err != nil {
		log.Fatal(err)
	}
	if f.dir != "" {
		err = existing(context.Background(), os.Stdout, page, f)
	} else {
		err = run(context.Background(), os.Stdout, page, *customers)
	}
	if err != nil {
		log.Fatal(err)
	}
	if err := page.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("\nthe page:", *out)
}

func run(ctx context.Context, say, page io.Writer, customers int) error {
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		return err
	}
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, seoul)
	data, err := memstore.New(catalog.Shop(), memstore.Options{})
	if err != nil {
		return err
	}
	if err := data.Apply(ctx, year(start, customers)...); err != nil {
		return err
	}

	// The shop's clock, which this program moves from month to month.
	now := start
	groups, err := segment.New(segment.Config{Data: data, Clock: dangol.ClockFunc(func() time.Time { return now }), Zone: seoul})
	if err != nil {
		return err
	}
	ladder := segment.LifeStages()
	fmt.Fprint(say, now.Format("2006-01"))
	for _, stage := range ladder.Definitions() {
		stage.Description = titles[stage.Name]
		created, err := groups.Create(ctx, stage)
		if err != nil {
			return fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		fmt.Fprintf(say, "  %s %d", stage.Name, created.After)
	}
	fmt.Fprintln(say)

	// The year: on the first of each month the groups are refreshed. A shop would do
	// so every night.
	months := []time.Time{start}
	for m := 1; m <= 12; m++ {
		now = start.AddDate(0, m, 0)
		months = append(months, now)
		done, err := groups.RefreshDue(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(say, now.Format("2006-01"))
		for _, d := range done {
			if d.Err != nil {
				return d.Err
			}
			fmt.Fprintf(say, "  %s %d (+%d -%d)", d.Name, d.Count, d.Entered, d.Left)
		}
		fmt.Fprintln(say)
	}

	// The same year asked from the data, with sub-types, and the recorded one: they
	// agree, since a rule's answer depends on nothing but data and instant.
	line, err := groups.Timeline(ctx, ladder, months)
	if err != nil {
		return err
	}
	recorded, err := groups.TimelineOf(ctx, line.Stages, segment.StageChurned, months)
	if err != nil {
		return err
	}
	for i, s := range line.Shares() {
		if fmt.Sprint(s.Stages) != fmt.Sprint(recorded.Shares()[i].Stages) {
			return fmt.Errorf("%s: the groups recorded %v, the data says %v", s.At, recorded.Shares()[i].Stages, s.Stages)
		}
	}

	tell(say, line)
	overlaps, err := compare(ctx, groups)
	if err != nil {
		return err
	}
	return report.Write(page, report.Data{
		Timeline: line, Titles: titles, Zone: seoul, Whole: true, Overlaps: overlaps,
		Note: "a generated shop",
		Kept: []string{segment.StageNew, segment.StageActive, segment.StageLoyal},
	})
}

// tell prints what the page shows in its tables.
func tell(say io.Writer, line *segment.Timeline) {
	m := line.Movement(0, len(line.Points)-1)
	fmt.Fprintf(say, "\nfrom %s to %s\n%12s", m.From.Format(time.DateOnly), m.To.Format(time.DateOnly), "")
	for _, s := range m.Stages {
		fmt.Fprintf(say, "%10s", s)
	}
	fmt.Fprintln(say)
	for i, row := range m.Moved {
		name := "absent"
		if i < len(m.Stages) {
			name = m.Stages[i]
		}
		fmt.Fprintf(say, "%12s", name)
		for _, n := range row[:len(m.Stages)] {
			fmt.Fprintf(say, "%10d", n)
		}
		fmt.Fprintln(say)
	}
	fmt.Fprintln(say, "\nwhere customers leave")
	for _, e := range line.Exits() {
		fmt.Fprintf(say, "%12s %6d of %6d\n", e.Stage, e.Left, e.Stood)
	}
	fmt.Fprintln(say)
	for _, a := range line.Advise(segment.Thresholds{}) {
		fmt.Fprintf(say, "advice: %s (told from %d%%) -> %s\n", a.Text, a.Threshold, a.Recipe)
	}
}

// compare makes two more groups and tells how they share members.
func compare(ctx context.Context, groups *segment.Service) ([]report.Overlap, error) {
	for name, rule := range map[string]string{
		"VIP 5%": "spent(365d) in top 5%", "리뷰어 reviewers": "reviews(180d) >= 3",
	} {
		if _, err := groups.Create(ctx, segment.Definition{ID: name, Name: name, Rule: rule}); err != nil {
			return nil, err
		}
	}
	a, err := groups.Snapshot(ctx, "VIP 5%")
	if err != nil {
		return nil, err
	}
	b, err := groups.Snapshot(ctx, "리뷰어 reviewers")
	if err != nil {
		return nil, err
	}
	o, err := groups.Overlap(ctx, a, b)
	return []report.Overlap{{A: a.Group, B: b.Group, Overlap: o}}, err
}
