package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if library := os.Getenv(helperEnv); library != "" {
		if err := serveClickHouse(library); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options of a run.
type options struct {
	customers, rounds, threads int
	seed                       uint64
	peers                      []string
	modules, postgres, dir     string
	json, profile              string
	sql                        []string
	show                       bool
	only                       []string // with sql: the rules, all where it is empty
	single                     int
	memory                     bool
}

func run() error {
	var o options
	var peers, hosted, sizes, only string
	flag.IntVar(&o.customers, "customers", 100_000, "customers of the shop")
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything is measured; medians are shown")
	flag.IntVar(&o.threads, "threads", 2, "threads of every engine")
	flag.Uint64Var(&o.seed, "seed", 1, "of the shop")
	flag.StringVar(&peers, "peers", "", "of duckdb, clickhouse, postgres, sqlite; comma-separated")
	flag.StringVar(&o.modules, "modules", "node_modules", "folder with @duckdb/node-api and @chdb/lib-linux-x64-gnu")
	flag.StringVar(&o.postgres, "postgres", "/usr/lib/postgresql/15/bin", "folder with initdb and postgres")
	flag.StringVar(&o.dir, "dir", "", "folder for the peers' data; a temporary one by default")
	flag.StringVar(&o.json, "json", "", "file for the results")
	flag.StringVar(&o.profile, "cpuprofile", "", "file for a profile of our engine alone, instead of measuring; with -sql of this process while it measures")
	flag.IntVar(&o.single, "single", 2000, "customers asked one by one, for the comparison of checkouts; 0 for none")
	flag.StringVar(&hosted, "sql", "", "of postgres, mariadb, sqlite, clickhouse; comma-separated: measures generated SQL against hand-written, and nothing else")
	flag.BoolVar(&o.show, "show", false, "with -sql: print how each rule is answered")
	flag.StringVar(&only, "only", "", "with -sql: rules to measure, such as R5,R8; all by default")
	flag.StringVar(&sizes, "grow", "", "instead of comparing, measure our engine in shops of these sizes, such as 100000,1000000,5000000")
	flag.BoolVar(&o.memory, "memory", false, "measure how many bytes a customer takes in a memstore")
	flag.Parse()
	grown, err := sizesOf(sizes)
	if err != nil {
		return err
	}
	if len(grown) > 0 {
		return grow(o, grown)
	}
	// The helper processes work elsewhere.
	if o.modules, err = filepath.Abs(o.modules); err != nil {
		return err
	}
	names := func(list string) []string {
		return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
	}
	o.peers, o.sql, o.only = names(peers), names(hosted), names(only)
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	if len(o.sql) > 0 {
		return measureHosted(o)
	}
	return measure(o)
}
