package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// exported are the tables as CSV files, which every SQL engine loads itself.
// Strings are numbers there, and items carry the status of their order: the
// layout that is best for the peers.
var exported = []struct{ table, columns string }{
	{"customers", "id INTEGER, joined BIGINT, country SMALLINT, grade SMALLINT, consent SMALLINT"},
	{"orders", "customer INTEGER, placed BIGINT, status SMALLINT, total INTEGER"},
	{"items", "customer INTEGER, placed BIGINT, status SMALLINT, product INTEGER, category SMALLINT"},
	{"visits", "customer INTEGER, seen BIGINT"},
	{"logins", "customer INTEGER, seen BIGINT"},
	{"cart_adds", "customer INTEGER, seen BIGINT"},
}

func (s *shop) export(dir string) error {
	events := func(t *table) (int, func(i int) []int64) {
		return t.len(), func(i int) []int64 { return []int64{int64(t.customer[i]), t.at[i]} }
	}
	write := func(name string, n int, row func(i int) []int64) error {
		f, err := os.Create(filepath.Join(dir, name+".csv"))
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 1<<20)
		var line []byte
		for i := range n {
			line = line[:0]
			for _, v := range row(i) {
				line = append(strconv.AppendInt(line, v, 10), ',')
			}
			line[len(line)-1] = '\n'
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return f.Close()
	}
	if err := write("customers", s.customers, func(i int) []int64 {
		consent := int64(0)
		if s.consent[i] {
			consent = 1
		}
		return []int64{int64(i), s.joined[i], int64(s.country[i]), int64(s.grade[i]), consent}
	}); err != nil {
		return err
	}
	if err := write("orders", s.orders.len(), func(i int) []int64 {
		return []int64{int64(s.orders.customer[i]), s.orders.at[i], int64(s.status[i]), int64(s.total[i])}
	}); err != nil {
		return err
	}
	if err := write("items", s.items.len(), func(i int) []int64 {
		return []int64{int64(s.items.customer[i]), s.items.at[i], int64(s.status[s.order[i]]), int64(s.product[i]), int64(category(s.product[i]))}
	}); err != nil {
		return err
	}
	for name, t := range map[string]*table{"visits": &s.visits, "logins": &s.logins, "cart_adds": &s.add} {
		n, row := events(t)
		if err := write(name, n, row); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
