package report

import (
	"fmt"
	"strings"

	"github.com/dangol-dev/dangol/segment"
)

// The size of the chart of shares, in SVG units.
const (
	areaWidth  = 900
	areaHeight = 320
	areaLeft   = 44 // for the labels of the axis
	areaTop    = 12
)

// area is the chart of shares: a band a stage, from the bottom up.
type area struct {
	Width, Height, Left int
	Bands               []band
	Lines               []line
	Marks               []mark
}

type band struct {
	Color  int
	Title  string
	Points string // of the polygon
}

type line struct {
	Y     float64
	Label string
}

type mark struct {
	X      float64
	Label  string
	Anchor string
}

func (d *Data) area(shares []segment.Shares) area {
	a := area{Width: areaLeft + areaWidth + 10, Height: areaTop + areaHeight + 34, Left: areaLeft}
	x := func(p int) float64 {
		if len(shares) == 1 {
			return areaLeft
		}
		return areaLeft + float64(p)*areaWidth/float64(len(shares)-1)
	}
	y := func(part, all int) float64 {
		if all == 0 {
			return areaTop + areaHeight
		}
		return areaTop + areaHeight - float64(part)*areaHeight/float64(all)
	}
	below := make([]int, len(shares))
	for stage, name := range d.Timeline.Stages {
		var up, down []string
		for p, s := range shares {
			low, high := y(below[p], s.All), y(below[p]+s.Stages[stage], s.All)
			up = append(up, fmt.Sprintf("%.1f,%.1f", x(p), high))
			down = append([]string{fmt.Sprintf("%.1f,%.1f", x(p), low)}, down...)
			if len(shares) == 1 { // a band needs a width
				up = append(up, fmt.Sprintf("%.1f,%.1f", x(p)+areaWidth, high))
				down = append([]string{fmt.Sprintf("%.1f,%.1f", x(p)+areaWidth, low)}, down...)
			}
			below[p] += s.Stages[stage]
		}
		last := shares[len(shares)-1]
		a.Bands = append(a.Bands, band{stage, d.title(name) + " " + percent(last.Stages[stage], last.All), strings.Join(append(up, down...), " ")})
	}
	for quarter := 0; quarter <= 4; quarter++ {
		a.Lines = append(a.Lines, line{y(quarter, 4), fmt.Sprintf("%d%%", 25*quarter)})
	}
	every := max(1, (len(shares)+7)/8)
	for p := 0; p < len(shares); p += every {
		anchor := "middle"
		switch p {
		case 0:
			anchor = "start"
		case len(shares) - 1:
			anchor = "end"
		}
		a.Marks = append(a.Marks, mark{x(p), d.day(shares[p].At), anchor})
	}
	return a
}

// matrix is a movement as a table, its cells shaded by their part of the row.
type matrix struct {
	From, To string
	Heads    []string
	Rows     []matrixRow
}

type matrixRow struct {
	Title string
	Color int
	All   int
	Cells []cell
}

type cell struct {
	Count int
	All   int
	Shade float64 // 0 to 1
	Stay  bool    // did not move
}

// Nobody is the title of customers who were not there.
const nobody = "(없음 · absent)"

func (d *Data) matrix(m segment.Movement) matrix {
	out := matrix{From: d.day(m.From), To: d.day(m.To)}
	for _, s := range m.Stages {
		out.Heads = append(out.Heads, d.title(s))
	}
	out.Heads = append(out.Heads, nobody)
	for i, moved := range m.Moved {
		row := matrixRow{Title: out.Heads[i], Color: i}
		for _, n := range moved {
			row.All += n
		}
		if row.All == 0 {
			continue
		}
		for j, n := range moved {
			row.Cells = append(row.Cells, cell{n, row.All, 0.55 * float64(n) / float64(row.All), i == j})
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// heat is the retention as a heat map: a row a cohort, a column a point since.
type heat struct {
	Width, Height, Left int
	Cells               []heatCell
	Rows                []mark // labels; X is the row's y
	Columns             []mark
	Average             []averaged
	Cohorts             int
}

type heatCell struct {
	X, Y, W, H int
	Shade      float64
	Title      string
}

// averaged is the retention of all cohorts that have come so far.
type averaged struct {
	Since, Kept, Size int
}

func (d *Data) heat(cohorts []segment.Cohort) heat {
	var full []segment.Cohort
	for _, c := range cohorts {
		if c.Size > 0 {
			full = append(full, c)
		}
	}
	h := heat{Left: 150, Cohorts: len(full)}
	if len(full) == 0 {
		return h
	}
	columns := len(cohorts)
	w := max(8, min(44, 760/columns))
	height := max(8, min(22, 900/len(full)))
	h.Width, h.Height = h.Left+columns*w+10, 24+len(full)*height
	every := (11 + height) / height // a label needs 12 units
	for i, c := range full {
		if i%every == 0 {
			h.Rows = append(h.Rows, mark{float64(24 + i*height + height/2), fmt.Sprintf("%s · %s", d.day(c.Since), thousands(c.Size)), "end"})
		}
		for k, kept := range c.Kept {
			h.Cells = append(h.Cells, heatCell{h.Left + k*w, 24 + i*height, w - 1, height - 1, float64(kept) / float64(c.Size),
				fmt.Sprintf("%s +%d: %s / %s, %s", d.day(c.Since), k, thousands(kept), thousands(c.Size), percent(kept, c.Size))})
		}
	}
	for k := 0; k < columns; k += max(1, (columns+9)/10) {
		h.Columns = append(h.Columns, mark{float64(h.Left + k*w + w/2), fmt.Sprintf("+%d", k), "middle"})
		a := averaged{Since: k}
		for _, c := range full {
			if k < len(c.Kept) {
				a.Kept += c.Kept[k]
				a.Size += c.Size
			}
		}
		if a.Size > 0 {
			h.Average = append(h.Average, a)
		}
	}
	return h
}
