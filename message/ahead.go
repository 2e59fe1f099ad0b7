package message

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// Many is a Tx that reads and writes many rows at once, in few round trips. It is
// optional; without it they are read and written one by one.
type Many interface {
	// GetMany is Get for each key: its row, or nil.
	GetMany(t *Table, keys [][]any) ([]Row, error)
	// ScanMany is Scan for each range. They differ in the values of Equal alone, and
	// have neither After nor Limit nor Desc.
	ScanMany(t *Table, rs []Range) ([][]Row, error)
	// PutMany is Put for each row. Their primary keys are different.
	PutMany(t *Table, rows []Row) error
}

// ahead is a Tx that has read what will be asked for, and keeps writes until flush. What
// it was not told to read is asked from the Tx below. On a Tx that is not Many it does
// nothing of its own.
type ahead struct {
	Tx
	many   Many
	rows   map[string]Row   // by table and primary key; nil for none
	ranges map[string][]Row // by table and range
	writes map[*Table]*writes
}

// writes are the rows of one table that are yet to be written.
type writes struct {
	keys []string // in the order they came
	rows map[string]Row
}

func newAhead(tx Tx) *ahead {
	many, _ := tx.(Many)
	return &ahead{tx, many, map[string]Row{}, map[string][]Row{}, map[*Table]*writes{}}
}

// address is where a row or range is remembered.
func address(t *Table, parts ...[]any) string {
	key := appendKey(nil, t.Name)
	for _, values := range parts {
		for _, v := range values {
			if v == nil {
				v = "" // an open bound; a bound is never an empty text
			}
			key = appendKey(key, v)
		}
		key = appendKey(key, int64(len(values)))
	}
	return string(key)
}

func rangeAt(t *Table, r Range) string {
	return address(t, r.Equal, []any{int64(r.Index), r.From, r.To})
}

// readRows reads the rows of many keys.
func (a *ahead) readRows(t *Table, keys [][]any) error {
	if a.many == nil || len(keys) == 0 {
		return nil
	}
	rows, err := a.many.GetMany(t, keys)
	if err != nil {
		return err
	}
	for i, key := range keys {
		a.rows[address(t, key)] = rows[i]
	}
	return nil
}

// readRanges reads many ranges.
func (a *ahead) readRanges(t *Table, rs []Range) error {
	if a.many == nil || len(rs) == 0 {
		return nil
	}
	found, err := a.many.ScanMany(t, rs)
	if err != nil {
		return err
	}
	for i, r := range rs {
		a.ranges[rangeAt(t, r)] = found[i]
	}
	return nil
}

func (a *ahead) Get(t *Table, key ...any) (Row, error) {
	at := address(t, key)
	if w := a.writes[t]; w != nil {
		if row, ok := w.rows[at]; ok {
			return slices.Clone(row), nil
		}
	}
	if row, ok := a.rows[at]; ok {
		return slices.Clone(row), nil
	}
	return a.Tx.Get(t, key...)
}

func (a *ahead) Put(t *Table, row Row) error {
	if a.many == nil {
		return a.Tx.Put(t, row)
	}
	w := a.writes[t]
	if w == nil {
		w = &writes{rows: map[string]Row{}}
		a.writes[t] = w
	}
	at := address(t, row[:t.Key])
	if _, ok := w.rows[at]; !ok {
		w.keys = append(w.keys, at)
	}
	w.rows[at] = slices.Clone(row)
	return nil
}

func (a *ahead) Insert(t *Table, row Row) (bool, error) {
	old, err := a.Get(t, row[:t.Key]...)
	if err != nil || old != nil {
		return false, err
	}
	return true, a.Put(t, row)
}

func (a *ahead) Delete(t *Table, key ...any) error {
	if err := a.flush(); err != nil {
		return err
	}
	clear(a.rows)
	clear(a.ranges)
	return a.Tx.Delete(t, key...)
}

func (a *ahead) Scan(t *Table, r Range) ([]Row, error) {
	known, ok := a.ranges[rangeAt(t, r)]
	if !ok || r.After != nil || r.Limit > 0 || r.Desc {
		if err := a.flush(); err != nil {
			return nil, err
		}
		return a.Tx.Scan(t, r)
	}
	w := a.writes[t]
	out := make([]Row, 0, len(known))
	for _, row := range known {
		if w != nil && w.rows[address(t, row[:t.Key])] != nil {
			continue // the write counts
		}
		out = append(out, slices.Clone(row))
	}
	if w == nil {
		return out, nil
	}
	for _, at := range w.keys {
		if row := w.rows[at]; t.within(r, row) {
			out = append(out, slices.Clone(row))
		}
	}
	t.sort(r.Index, out)
	return out, nil
}

// flush writes what was put.
func (a *ahead) flush() error {
	for _, t := range tables { // in one order, whatever was put first
		w := a.writes[t]
		if w == nil {
			continue
		}
		rows := make([]Row, len(w.keys))
		for i, at := range w.keys {
			rows[i] = w.rows[at]
			a.rows[at] = w.rows[at]
		}
		delete(a.writes, t)
		clear(a.ranges)
		if err := a.many.PutMany(t, rows); err != nil {
			return err
		}
	}
	return nil
}

// within tells whether a range without After and Limit holds a row.
func (t *Table) within(r Range, row Row) bool {
	order := t.Order(r.Index)
	for i, v := range r.Equal {
		if row[order[i]] != v {
			return false
		}
	}
	if r.From != nil && compareValues(row[order[len(r.Equal)]], r.From) < 0 {
		return false
	}
	return r.To == nil || compareValues(row[order[len(r.Equal)]], r.To) < 0
}

// sort orders rows as a scan of the index gives them.
func (t *Table) sort(index int, rows []Row) {
	order := t.Order(index)
	slices.SortFunc(rows, func(a, b Row) int {
		for _, c := range order {
			if n := compareValues(a[c], b[c]); n != 0 {
				return n
			}
		}
		return 0
	})
}

// compareValues compares two texts or two numbers.
func compareValues(a, b any) int {
	if text, ok := a.(string); ok {
		other, _ := b.(string)
		return cmp.Compare(text, other)
	}
	x, _ := a.(int64)
	y, _ := b.(int64)
	return cmp.Compare(x, y)
}

// updateAhead is Store.Update with a transaction that keeps writes until its end.
func (s *Service) updateAhead(ctx context.Context, f func(tx *ahead) error) error {
	return s.store.Update(ctx, func(tx Tx) error {
		a := newAhead(tx)
		if err := f(a); err != nil {
			return err
		}
		return a.flush()
	})
}

// readRecipients reads the rows of a batch's recipients.
func (a *ahead) readRecipients(b *batch, rows []*claimed) error {
	keys := make([][]any, len(rows))
	for i, r := range rows {
		keys[i] = []any{b.campaign.ID, b.occ.ID, string(r.Customer)}
	}
	return a.readRows(recipientTable, keys)
}

// readDeliveries reads the submits that bear the messages' keys.
func (a *ahead) readDeliveries(rows []*claimed) error {
	keys := make([][]any, len(rows))
	for i, r := range rows {
		keys[i] = []any{r.msg.Key}
	}
	return a.readRows(deliveryTable, keys)
}

// readFacts reads what facts asks for.
func (s *Service) readFacts(a *ahead, b *batch, rows []*claimed, now time.Time) error {
	var ledgers, before, same []Range
	var barred [][]any
	for _, r := range rows {
		if !r.known || r.msg.To == "" {
			continue
		}
		ledgers = append(ledgers, consentRange(r.Customer))
		barred = append(barred, []any{string(consentChannel(r.content.Channel)), r.msg.To})
		before = append(before, b.campaign.sentTo(r.Customer))
		same = append(same, b.sentAt(r.msg.To))
	}
	if b.campaign.AllowDuplicates {
		before = nil
	}
	if err := errors.Join(a.readRanges(consentTable, ledgers), a.readRows(suppressionTable, barred),
		a.readRanges(deliveryTable, before), a.readRanges(deliveryTable, same)); err != nil {
		return err
	}
	for _, limit := range s.cfg.Caps {
		var got []Range
		for _, r := range rows {
			if limit.covers(r.content.Channel, b.campaign.Purpose) {
				got = append(got, s.counted(limit, r.Customer, now))
			}
		}
		if err := a.readRanges(deliveryTable, got); err != nil {
			return err
		}
	}
	return nil
}
