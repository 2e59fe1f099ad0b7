// Package report draws the life of a shop's customers as one HTML page: no script,
// no file beside it, nothing loaded from elsewhere, charts as SVG. A page holds
// counts alone, no customer's name or id.
package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/segment"
)

// Data is what a page shows.
type Data struct {
	// Timeline is where customers stood. Needed.
	Timeline *segment.Timeline
	// Title heads the page. Defaults to "고객 생애 단계 · Customer life stages".
	Title string
	// Note is a sentence below the title, such as where the data is from. Defaults
	// to none.
	Note string
	// Titles are the stages' names for people. Defaults to the stages' own names.
	Titles map[string]string
	// Zone is the shop's, for dates. Defaults to UTC.
	Zone *time.Location
	// Kept are the stages that count as retained. Defaults to all but the leaving
	// one and that of the last step, where customers begin.
	Kept []string
	// Whole says that nobody came before the first point, so that its cohort counts.
	Whole bool
	// Thresholds are those of the advice.
	Thresholds segment.Thresholds
	// Overlaps are pairs of groups to compare. Defaults to none.
	Overlaps []Overlap
}

// Overlap is two groups by name and how they share members.
type Overlap struct {
	A, B string
	segment.Overlap
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"n": thousands, "pct": percent, "color": func(i int) template.CSS { return template.CSS(colors[i%len(colors)]) },
}).Parse(pageText))

// The stages' colours, told apart also without red and green, and on white as on
// black.
var colors = []string{"#99bbdd", "#44aa99", "#3366aa", "#ddaa33", "#cc6655", "#aa4499", "#99bb55", "#888888"}

// Write draws the page.
func Write(w io.Writer, d Data) error {
	if d.Timeline == nil || len(d.Timeline.Points) == 0 {
		return errors.New("report: a page needs a timeline")
	}
	if d.Title == "" {
		d.Title = "고객 생애 단계 · Customer life stages"
	}
	if d.Zone == nil {
		d.Zone = time.UTC
	}
	if d.Kept == nil {
		begin := d.Timeline.Steps[len(d.Timeline.Steps)-1].Stage
		for _, s := range d.Timeline.Stages {
			if s != d.Timeline.Leaving && s != begin {
				d.Kept = append(d.Kept, s)
			}
		}
	}
	return page.Execute(w, d.view())
}

// view is what the template reads.
type view struct {
	Title, Note string
	From, To    string
	Points      int
	Last        segment.Shares
	Legend      []legend
	Area        area
	Steps       []stepRow
	Movements   []matrix
	Cohorts     heat
	Kept        string
	Exits       []exitRow
	Leaving     string
	Advice      []segment.Advice
	Overlaps    []Overlap
}

type legend struct {
	Title string
	Color int
	Count int
	All   int
}

type stepRow struct {
	Stage, Title string
	Color        int
	First, Last  int
	FirstAll     int
	LastAll      int
}

type exitRow struct {
	Title       string
	Color       int
	Stood, Left int
	Width       float64 // of its bar, in percent of the widest
}

func (d *Data) title(stage string) string {
	if t := d.Titles[stage]; t != "" {
		return t
	}
	return stage
}

func (d *Data) day(t time.Time) string { return t.In(d.Zone).Format(time.DateOnly) }

func (d *Data) view() view {
	t := d.Timeline
	shares := t.Shares()
	first, last := shares[0], shares[len(shares)-1]
	v := view{
		Title: d.Title, Note: d.Note, From: d.day(first.At), To: d.day(last.At), Points: len(shares), Last: last,
		Area: d.area(shares), Cohorts: d.heat(t.Retention(d.Whole, d.Kept...)),
		Leaving: d.title(t.Leaving), Advice: t.Advise(d.Thresholds), Overlaps: d.Overlaps,
	}
	color := map[string]int{}
	for i, s := range t.Stages {
		color[s] = i
		v.Legend = append(v.Legend, legend{d.title(s), i, last.Stages[i], last.All})
	}
	var kept []string
	for _, s := range d.Kept {
		kept = append(kept, d.title(s))
	}
	v.Kept = strings.Join(kept, ", ")
	if len(t.Steps) > len(t.Stages) {
		for i, s := range t.Steps {
			title := s.Title
			if title == "" {
				title = s.Name
			}
			v.Steps = append(v.Steps, stepRow{d.title(s.Stage), title, color[s.Stage], first.Steps[i], last.Steps[i], first.All, last.All})
		}
		slices.SortStableFunc(v.Steps, func(a, b stepRow) int { return a.Color - b.Color })
	}
	if len(shares) > 1 {
		v.Movements = append(v.Movements, d.matrix(t.Movement(0, len(shares)-1)))
	}
	if len(shares) > 2 {
		v.Movements = append(v.Movements, d.matrix(t.Movement(len(shares)-2, len(shares)-1)))
	}
	v.Exits = d.exits(color)
	return v
}

func (d *Data) exits(color map[string]int) []exitRow {
	var rows []exitRow
	widest := 0.0
	for _, e := range d.Timeline.Exits() {
		r := exitRow{Title: d.title(e.Stage), Color: color[e.Stage], Stood: e.Stood, Left: e.Left}
		if e.Stood > 0 {
			r.Width = float64(e.Left) / float64(e.Stood)
		}
		widest = max(widest, r.Width)
		rows = append(rows, r)
	}
	for i := range rows {
		if widest > 0 {
			rows[i].Width = 100 * rows[i].Width / widest
		}
	}
	return rows
}

// thousands groups digits: 12,345.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent is part of whole with one digit, or a dash of nothing.
func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}
