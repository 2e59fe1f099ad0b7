package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// helperEnv names the shared library that a helper process is to serve.
const helperEnv = "DANGOL_BENCH_CHDB"

// newClickHouse starts ClickHouse in a process of its own, since the library
// replaces signal handlers.
func newClickHouse(dir, modules string, threads int) (engine, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), helperEnv+"="+filepath.Join(modules, "@chdb", "lib-linux-x64-gnu", "libchdb.so"))
	p, err := startProcess(cmd)
	if err != nil {
		return nil, err
	}
	p.together = true
	setup := []string{"CREATE DATABASE IF NOT EXISTS bench", "USE bench",
		fmt.Sprintf("SET max_threads = %d", threads), "SET join_use_nulls = 1", "SET use_query_cache = 0"}
	for _, t := range exported {
		order, index := "tuple()", ""
		switch {
		case t.table == "customers":
			order, index = "id", ", INDEX joined joined TYPE minmax"
		case strings.Contains(t.columns, "placed"):
			order = "placed"
		default:
			order = "seen"
		}
		columns := strings.NewReplacer("INTEGER", "Int32", "BIGINT", "Int64", "SMALLINT", "Int16").Replace(t.columns)
		setup = append(setup,
			fmt.Sprintf("CREATE TABLE %s (%s%s) ENGINE = MergeTree ORDER BY %s", t.table, columns, index, order),
			fmt.Sprintf("INSERT INTO %s SELECT * FROM file('%s', 'CSV', '%s')", t.table, filepath.Join(dir, t.table+".csv"), columns),
			"OPTIMIZE TABLE "+t.table+" FINAL")
	}
	for _, sql := range setup {
		if _, err := p.exec(sql); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// serveClickHouse is the helper process.
func serveClickHouse(library string) error {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return err
	}
	var (
		connect func(argc int32, argv **byte) *uintptr
		query   func(conn uintptr, sql, format string) uintptr
		free    func(result uintptr)
		buffer  func(result uintptr) *byte
		length  func(result uintptr) uint64
		failure func(result uintptr) string
	)
	purego.RegisterLibFunc(&connect, lib, "chdb_connect")
	purego.RegisterLibFunc(&query, lib, "chdb_query")
	purego.RegisterLibFunc(&free, lib, "chdb_destroy_query_result")
	purego.RegisterLibFunc(&buffer, lib, "chdb_result_buffer")
	purego.RegisterLibFunc(&length, lib, "chdb_result_length")
	purego.RegisterLibFunc(&failure, lib, "chdb_result_error")
	args := []*byte{cString("clickhouse"), cString("--path=" + filepath.Join(".", "clickhouse-data"))}
	conn := connect(int32(len(args)), &args[0])
	if conn == nil {
		return fmt.Errorf("chdb did not connect")
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		began := time.Now()
		result := query(*conn, lines.Text(), "TabSeparatedWithNamesAndTypes")
		took := time.Since(began)
		r := reply{Micros: took.Microseconds()}
		if why := failure(result); why != "" {
			r.Error = why
		} else if n := length(result); n > 0 {
			text := string(unsafe.Slice(buffer(result), n))
			for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
				r.Rows = append(r.Rows, strings.Split(line, "\t"))
			}
			r.Names, r.Types, r.Rows = r.Rows[0], r.Rows[1], r.Rows[2:]
		}
		free(result)
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

func cString(s string) *byte {
	b := append([]byte(s), 0)
	return &b[0]
}
