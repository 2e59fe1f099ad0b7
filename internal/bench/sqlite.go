package main

import (
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite"
)

// sqlite is SQLite in this process, by the pure Go driver, with the indexes that
// PostgreSQL has, as far as it knows them.
type sqlite struct{ db *sql.DB }

func newSQLite(dir string) (*sqlite, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "bench.sqlite")+"?_pragma=journal_mode(off)&_pragma=synchronous(off)&_pragma=cache_size(-2000000)&_pragma=temp_store(memory)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &sqlite{db}
	for _, t := range exported {
		if _, err := db.Exec(fmt.Sprintf("CREATE TABLE %s (%s)", t.table, t.columns)); err != nil {
			return nil, err
		}
		if err := s.fill(dir, t.table, strings.Count(t.columns, ",")+1); err != nil {
			return nil, err
		}
	}
	for _, index := range indexes {
		// SQLite has no INCLUDE: what is covered stands behind the key.
		index = strings.NewReplacer(") INCLUDE (", ", ", "UNIQUE ", "").Replace(index)
		name := strings.NewReplacer("CREATE INDEX ON ", "", " ", "", "(", "_", ",", "_", ")", "").Replace(index)
		if _, err := db.Exec(strings.Replace(index, "INDEX ON", "INDEX "+name+" ON", 1)); err != nil {
			return nil, err
		}
	}
	_, err = db.Exec("ANALYZE")
	return s, err
}

func (s *sqlite) fill(dir, table string, columns int) error {
	f, err := os.Open(filepath.Join(dir, table+".csv"))
	if err != nil {
		return err
	}
	defer f.Close()
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert, err := tx.Prepare("INSERT INTO " + table + " VALUES (?" + strings.Repeat(", ?", columns-1) + ")")
	if err != nil {
		return err
	}
	rows := csv.NewReader(f)
	rows.ReuseRecord = true
	args := make([]any, columns)
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return tx.Commit()
		}
		if err != nil {
			return err
		}
		for i, v := range row {
			args[i] = v
		}
		if _, err := insert.Exec(args...); err != nil {
			return err
		}
	}
}

func (s *sqlite) one(r rule) (sums, time.Duration, error) {
	began := time.Now()
	var got [3]sql.NullInt64
	err := s.db.QueryRow(r.checked()).Scan(&got[0], &got[1], &got[2])
	return sums{got[0].Int64, got[1].Int64, got[2].Int64}, time.Since(began), err
}

func (s *sqlite) all(rs []rule) ([]sums, time.Duration, error) {
	var out []sums
	var total time.Duration
	for _, r := range rs {
		got, took, err := s.one(r)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", r.name, err)
		}
		out, total = append(out, got), total+took
	}
	return out, total, nil
}

func (s *sqlite) close() { s.db.Close() }
