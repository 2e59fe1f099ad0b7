package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// growth is what the twenty rules take in a shop of one size.
type growth struct {
	Customers int     `json:"customers"`
	Rows      int     `json:"rows"`
	All       spread  `json:"all"`                 // microseconds
	Processor spread  `json:"processor"`           // microseconds of all threads
	NanosRow  float64 `json:"nanoseconds_a_row"`   // of the least time
	PerRow    float64 `json:"processor_ns_a_row"`  // of the least processor time
	Against   float64 `json:"against_first"`       // NanosRow, of the first size's
	OnCPU     float64 `json:"processor_against_1"` // PerRow, of the first size's
}

// grow measures our engine alone in shops of several sizes: whether time grows as
// rows do. Processor time tells it on a machine that others use too.
func grow(o options, sizes []int) error {
	var out []growth
	for _, n := range sizes {
		g, err := growthOf(o, n)
		if err != nil {
			return err
		}
		g.NanosRow, g.PerRow = 1e3*g.All.Least/float64(g.Rows), 1e3*g.Processor.Least/float64(g.Rows)
		out = append(out, g)
		first := out[0]
		last := &out[len(out)-1]
		last.Against, last.OnCPU = g.NanosRow/first.NanosRow, g.PerRow/first.PerRow
		fmt.Printf("%9d customers, %9d rows: 20 rules in %8.2f ms (median %.2f), %.3f ns a row (%.2f); processor %8.2f ms, %.3f ns a row (%.2f)\n",
			g.Customers, g.Rows, g.All.Least/1e3, g.All.Median/1e3, g.NanosRow, last.Against, g.Processor.Least/1e3, g.PerRow, last.OnCPU)
	}
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

func growthOf(o options, customers int) (growth, error) {
	s := makeShop(customers, o.seed)
	own, err := newOurs(s, o.threads)
	if err != nil {
		return growth{}, err
	}
	g := growth{Customers: customers, Rows: s.rows()}
	s = nil // what was loaded is not needed any more
	runtime.GC()
	rs := rules()
	var took, processor []time.Duration
	for round := range o.rounds + 2 { // two to warm up: the second keeps filters
		before, err := processorTime()
		if err != nil {
			return g, err
		}
		wall, err := own.answer(rs)
		if err != nil {
			return g, err
		}
		after, err := processorTime()
		if err != nil {
			return g, err
		}
		if round > 1 {
			took, processor = append(took, wall), append(processor, after-before)
		}
	}
	g.All, g.Processor = spreadOf(took), spreadOf(processor)
	return g, nil
}

// processorTime is what this process has used of all processors.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// sizesOf reads numbers of customers, separated by commas.
func sizesOf(list string) ([]int, error) {
	var out []int
	for _, text := range slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" }) {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("-grow: %q is not a number of customers", text)
		}
		out = append(out, n)
	}
	return out, nil
}
