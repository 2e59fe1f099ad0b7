package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime/pprof"
	"slices"
	"time"
)

// result is what a run found, in microseconds.
type result struct {
	Customers   int                `json:"customers"`
	Rows        int                `json:"rows"`
	Rounds      int                `json:"rounds"`
	Threads     int                `json:"threads"`
	LoadRows    int                `json:"load_rows_a_second"`
	Bytes       int                `json:"bytes_a_customer"`
	MemoryRead  float64            `json:"memory_read_gb_a_second"`
	Engines     []string           `json:"engines"`
	All         map[string]spread  `json:"all"`
	Rules       []ruleResult       `json:"rules"`
	Single      map[string]single  `json:"single,omitempty"`
	Memstore    *footprint         `json:"memstore_bytes_a_customer,omitempty"`
	Events      float64            `json:"live_events_a_second,omitempty"`
	WindowReads map[string]float64 `json:"times_as_long_as_reading,omitempty"`
}

type ruleResult struct {
	Name    string            `json:"name"`
	Text    string            `json:"text"`
	Members int64             `json:"members"`
	Took    map[string]spread `json:"took"`
}

// spread is a median and its range.
type spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

func spreadOf(took []time.Duration) spread {
	slices.Sort(took)
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	return spread{us(took[len(took)/2]), us(took[0]), us(took[len(took)-1])}
}

func measure(o options) error {
	s := makeShop(o.customers, o.seed)
	fmt.Printf("%d customers, %d rows: %d orders, %d items, %d events\n", s.customers, s.rows(), s.orders.len(), s.items.len(),
		s.visits.len()+s.logins.len()+s.add.len())
	own, err := newOurs(s, o.threads)
	if err != nil {
		return err
	}
	out := &result{Customers: s.customers, Rows: s.rows(), Rounds: o.rounds, Threads: o.threads, All: map[string]spread{},
		LoadRows: int(float64(s.rows()) / own.loaded.Seconds()), Bytes: own.table.Bytes() / s.customers, MemoryRead: memorySpeed(o.threads)}
	fmt.Printf("loaded from memory at %.1fM rows/s, %.1fM a core, %d bytes a customer; memory reads %.1f GB/s\n",
		float64(out.LoadRows)/1e6, float64(out.LoadRows)/1e6/float64(o.threads), out.Bytes, out.MemoryRead)
	if o.profile != "" {
		return profile(o, s, own)
	}
	engines := map[string]engine{"dangol": own}
	out.Engines = []string{"dangol"}
	if len(o.peers) > 0 {
		if err := s.export(o.dir); err != nil {
			return err
		}
	}
	for _, name := range o.peers {
		began := time.Now()
		e, err := start(name, o)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer e.close()
		fmt.Printf("%s loaded in %s\n", name, time.Since(began).Round(time.Millisecond))
		engines[name], out.Engines = e, append(out.Engines, name)
	}
	if err := compare(o, engines, out); err != nil {
		return err
	}
	if o.single > 0 {
		if out.Single, err = singles(s, own, o.single); err != nil {
			return err
		}
	}
	if o.memory {
		f, err := own.footprint(s)
		if err != nil {
			return err
		}
		out.Memstore = &f
	}
	if out.WindowReads, err = own.windows(s, o.rounds, o.threads); err != nil {
		return err
	}
	if o.single > 0 {
		if out.Events, err = own.events(s, 100*o.single); err != nil {
			return err
		}
	}
	out.print()
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}

func start(name string, o options) (engine, error) {
	switch name {
	case "duckdb":
		return newDuckDB(o.dir, o.modules, o.threads)
	case "clickhouse":
		return newClickHouse(o.dir, o.modules, o.threads)
	case "postgres":
		return newPostgres(o.dir, o.postgres, o.threads)
	case "sqlite":
		return newSQLite(o.dir)
	}
	return nil, fmt.Errorf("no such peer")
}

// compare measures all engines in turns, round by round, after one round that
// warms them up and compares their answers.
func compare(o options, engines map[string]engine, out *result) error {
	rs := rules()
	want, _, err := engines["dangol"].all(rs)
	if err != nil {
		return err
	}
	all := map[string][]time.Duration{}
	each := map[string][][]time.Duration{}
	for _, name := range out.Engines {
		each[name] = make([][]time.Duration, len(rs))
	}
	for round := range o.rounds + 1 {
		for _, name := range out.Engines {
			got, took, err := engines[name].all(rs)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for i := range rs {
				if got[i] != want[i] {
					return fmt.Errorf("%s selects others than dangol by %s: %v, not %v\n%s", name, rs[i].name, got[i], want[i], rs[i].sql)
				}
			}
			if round > 0 {
				all[name] = append(all[name], took)
			}
		}
		for i, r := range rs {
			for _, name := range out.Engines {
				got, took, err := engines[name].one(r)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				if got != want[i] {
					return fmt.Errorf("%s alone: %s selects others than dangol: %v, not %v", r.name, name, got, want[i])
				}
				if round > 0 {
					each[name][i] = append(each[name][i], took)
				}
			}
		}
	}
	for _, name := range out.Engines {
		out.All[name] = spreadOf(all[name])
	}
	for i, r := range rs {
		line := ruleResult{Name: r.name, Text: r.text, Members: want[i][0], Took: map[string]spread{}}
		for _, name := range out.Engines {
			line.Took[name] = spreadOf(each[name][i])
		}
		out.Rules = append(out.Rules, line)
	}
	return nil
}

// profile is of two loads and some Selects of ours, for go tool pprof.
func profile(o options, s *shop, own *ours) error {
	f, err := os.Create(o.profile)
	if err != nil {
		return err
	}
	defer f.Close()
	rs := rules()
	if _, _, err := own.all(rs); err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	if _, err := newOurs(s, o.threads); err != nil {
		return err
	}
	for range o.rounds {
		_, took, err := own.all(rs)
		if err != nil {
			return err
		}
		fmt.Println(took)
	}
	return nil
}

func (r *result) print() {
	fmt.Printf("\n%-6s %9s", "", "members")
	for _, name := range r.Engines {
		fmt.Printf(" %12s", name)
	}
	fmt.Println()
	line := func(name string, members any, took map[string]spread) {
		fmt.Printf("%-6s %9v", name, members)
		base := took["dangol"].Median
		for _, e := range r.Engines {
			fmt.Printf(" %9.2f ms", took[e].Median/1e3)
			if e != "dangol" {
				fmt.Printf(" (%.0fx)", took[e].Median/base)
			}
		}
		fmt.Println()
	}
	for _, rule := range r.Rules {
		line(rule.Name, rule.Members, rule.Took)
	}
	line("all 20", "", r.All)
	fmt.Printf("times as long as reading from memory what the window's rows need: count %.1f, sum %.1f; the rows whole: %.1f, %.1f\n",
		r.WindowReads["count"], r.WindowReads["sum"], r.WindowReads["count, whole rows"], r.WindowReads["sum, whole rows"])
	fmt.Printf("live events, each with six rules, on one core: %.0f a second\n", r.Events)
	if f := r.Memstore; f != nil {
		fmt.Printf("a memstore with keys takes %.0f bytes a customer, %.0f after the rules, %.0f after all customers one by one\n", f.Loaded, f.Selected, f.Asked)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Single)) {
		s := r.Single[name]
		if s.Each > 0 {
			fmt.Printf("one customer at hand, %-36s %8.1f ns, %6.1f allocations\n", name, s.Each, s.Allocs)
			continue
		}
		fmt.Printf("one customer by id, %-28s p50 %8.0f ns, p99 %8.0f ns, %6.1f allocations\n", name, s.P50, s.P99, s.Allocs)
	}
}
