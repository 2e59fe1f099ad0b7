package eval_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/internal/corpus"
)

// regular is a customer of the workload that engines are measured on: ten orders
// over three years, twenty visits.
func regular() (*eval.Customer, eval.Env) {
	zone, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		panic(err)
	}
	asOf := time.Date(2026, 3, 10, 0, 0, 0, 0, zone)
	days := func(n int) catalog.Value {
		return catalog.TimeValue(asOf.Add(-time.Duration(n)*24*time.Hour + time.Hour))
	}
	c := &eval.Customer{ID: "C1", Records: map[string][]*eval.Record{}, Attributes: map[string]catalog.Value{
		"joined": days(20), "country": catalog.StringValue("KR"), "points": catalog.NumberValue(500),
	}}
	for i := range 10 {
		c.Records["all_orders"] = append(c.Records["all_orders"], &eval.Record{Key: fmt.Sprint("o", i), Fields: map[string]catalog.Value{
			"placed": days(3 + 100*i), "total": catalog.NumberValue(45_000), "status": catalog.StringValue("confirmed"),
		}})
	}
	for i := range 20 {
		c.Records["visits"] = append(c.Records["visits"], &eval.Record{Key: fmt.Sprint("v", i), Fields: map[string]catalog.Value{"at": days(2 + 9*i)}})
	}
	return c, eval.Env{AsOf: asOf, Zone: zone}
}

// The rule that the limits of 150 us are measured on.
func BenchmarkMeasured(b *testing.B) {
	p := compiled(b, compiler(b), corpus.Measured)
	c, env := regular()
	e, err := eval.Explain(p, c, env, eval.ExplainOptions{})
	require.NoError(b, err)
	for name, run := range map[string]func(){
		"Eval":       func() { eval.Eval(p, c, env) },
		"NextChange": func() { eval.NextChange(p, c, env) },
		"Explain":    func() { eval.Explain(p, c, env, eval.ExplainOptions{}) },
		"Text":       func() { e.Text(eval.English) },
		"Sentence":   func() { eval.Sentence(p, eval.Korean) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
