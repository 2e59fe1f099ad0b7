package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed duckdb.js
var duckdbScript string

// newDuckDB starts DuckDB within node, with the tables in the order of time, so
// that its zone maps skip what lies outside of a window.
func newDuckDB(dir, modules string, threads int) (engine, error) {
	script := filepath.Join(dir, "duckdb.js")
	if err := os.WriteFile(script, []byte(duckdbScript), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command("node", script)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, fmt.Sprintf("BENCH_THREADS=%d", threads))
	p, err := startProcess(cmd)
	if err != nil {
		return nil, err
	}
	for _, t := range exported {
		if _, err := p.exec(fmt.Sprintf("CREATE TABLE %s (%s)", t.table, t.columns)); err != nil {
			return nil, err
		}
		if _, err := p.exec(fmt.Sprintf("COPY %s FROM '%s' (HEADER false)", t.table, filepath.Join(dir, t.table+".csv"))); err != nil {
			return nil, err
		}
	}
	return p, nil
}
