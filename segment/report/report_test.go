package report_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/report"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func timeline(t *testing.T, points ...time.Time) *segment.Timeline {
	data, err := memstore.New(catalog.Shop(), memstore.Options{})
	require.NoError(t, err)
	for i, id := range []dangol.CustomerID{"secret-a", "secret-b", "secret-c"} {
		require.NoError(t, data.Apply(t.Context(), store.Change{Customer: id, Fields: map[string]catalog.Value{"joined": catalog.TimeValue(start.AddDate(0, 0, -1))}},
			store.Change{Customer: id, Kind: "all_orders", Key: string(id), Fields: map[string]catalog.Value{"placed": catalog.TimeValue(start.AddDate(0, 0, 10*i))}}))
	}
	s, err := segment.New(segment.Config{Data: data})
	require.NoError(t, err)
	line, err := s.Timeline(t.Context(), segment.LifeStages(), points)
	require.NoError(t, err)
	return line
}

// wellFormed reads the page as XML would, but for what HTML does not close.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
	}
}

func TestPage(t *testing.T) {
	var out bytes.Buffer
	line := timeline(t, start.AddDate(0, 0, 5), start.AddDate(0, 0, 15), start.AddDate(0, 0, 25))
	require.NoError(t, report.Write(&out, report.Data{Timeline: line, Title: `<script>alert("x")</script>`, Whole: true}))
	page := out.String()
	wellFormed(t, page)
	for _, never := range []string{"<script", "http://", "https://", "url(", "secret", "NaN", "%!", "ZgotmplZ"} {
		require.NotContains(t, page, never)
	}
	for _, must := range []string{
		"2026-01-06 – 2026-01-26, 3 points · 3 customers at the end",
		"VIP 고객", "Movement, 2026-01-06 to 2026-01-26", "Movement, 2026-01-16 to 2026-01-26", "Retention by cohort", "Where customers leave",
		"2026-01-06 · 1", // the cohort of each point
	} {
		require.Contains(t, page, must)
	}
}

func TestPageOfLittle(t *testing.T) {
	require.Error(t, report.Write(io.Discard, report.Data{}))
	for _, at := range []time.Time{start.AddDate(-1, 0, 0), start.AddDate(0, 0, 5)} { // nobody yet; one point
		var out bytes.Buffer
		require.NoError(t, report.Write(&out, report.Data{Timeline: timeline(t, at)}))
		wellFormed(t, out.String())
		require.NotContains(t, out.String(), "NaN")
	}
}
