package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// folder writes the shop as csvdir reads it: what a shop would export, with the ids
// of orders and RFC 3339 times.
func (s *shop) folder(dir string) error {
	write := func(name, head string, n int, row func(line []byte, i int) []byte) error {
		f, err := os.Create(filepath.Join(dir, name+".csv"))
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 1<<20)
		line := []byte(head)
		for i := range n + 1 {
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
			if i < n {
				line = row(line[:0], i)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return f.Close()
	}
	when := func(line []byte, at int64) []byte {
		return time.Unix(at, 0).In(zone).AppendFormat(line, time.RFC3339)
	}
	if err := write("customers", "id,joined,country,grade,consent", s.customers, func(line []byte, i int) []byte {
		line = when(append(append(line, id(i)...), ','), s.joined[i])
		return fmt.Appendf(line, ",%s,%s,%t", countries[s.country[i]], grades[s.grade[i]], s.consent[i])
	}); err != nil {
		return err
	}
	if err := write("orders", "id,customer,placed,status,total", s.orders.len(), func(line []byte, i int) []byte {
		line = append(append(strconv.AppendInt(line, int64(i), 10), ','), id(int(s.orders.customer[i]))...)
		line = append(when(append(line, ','), s.orders.at[i]), ',')
		return strconv.AppendInt(append(append(line, statuses[s.status[i]]...), ','), int64(s.total[i]), 10)
	}); err != nil {
		return err
	}
	if err := write("items", "order,product,category", s.items.len(), func(line []byte, i int) []byte {
		line = append(strconv.AppendUint(line, uint64(s.order[i]), 10), ',')
		line = append(strconv.AppendUint(line, uint64(s.product[i]), 10), ',')
		return strconv.AppendUint(line, uint64(category(s.product[i])), 10)
	}); err != nil {
		return err
	}
	for name, t := range map[string]*table{"visits": &s.visits, "logins": &s.logins, "cart_adds": &s.add} {
		if err := write(name, "customer,at", t.len(), func(line []byte, i int) []byte {
			return when(append(append(line, id(int(t.customer[i]))...), ','), t.at[i])
		}); err != nil {
			return err
		}
	}
	return nil
}
