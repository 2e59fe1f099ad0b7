package coupon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/dangol-dev/dangol"
)

// Redemptions, counters and the ledger of the memory state.

func (tx *memoryTx) InsertRedemption(_ context.Context, r Redemption) (bool, error) {
	if err := tx.writing(); err != nil {
		return false, err
	}
	if _, taken := tx.redemptions[r.Key]; taken {
		return false, nil
	}
	r.Rev = 0
	tx.putRedemption(r)
	return true, nil
}

func (tx *memoryTx) putRedemption(r Redemption) {
	put(tx, tx.redemptions, r.Key, r.clone())
	if r.State == StateReserved {
		put(tx, tx.reserved, r.Key, r.Expires)
	} else {
		drop(tx, tx.reserved, r.Key)
	}
}

// clone copies what callers may change.
func (r Redemption) clone() Redemption {
	r.Lines, r.Uses, r.Refusals = slices.Clone(r.Lines), slices.Clone(r.Uses), slices.Clone(r.Refusals)
	return r
}

func (tx *memoryTx) Redemption(_ context.Context, key string) (Redemption, error) {
	r, ok := tx.redemptions[key]
	if !ok {
		return Redemption{}, fmt.Errorf("%w: redemption %q", ErrNotFound, key)
	}
	return r.clone(), nil
}

func (tx *memoryTx) ReplaceRedemption(_ context.Context, r Redemption) error {
	if err := tx.writing(); err != nil {
		return err
	}
	was, ok := tx.redemptions[r.Key]
	if !ok || was.Rev != r.Rev {
		return ErrConflict
	}
	r.Rev++
	tx.putRedemption(r)
	return nil
}

func (tx *memoryTx) Overdue(_ context.Context, definition string, at time.Time, limit int) ([]string, error) {
	var keys []string
	for key, expires := range tx.reserved {
		if !expires.After(at) && (definition == "" || slices.ContainsFunc(tx.redemptions[key].Uses,
			func(u Use) bool { return u.Definition == definition })) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(tx.reserved[a].Compare(tx.reserved[b]), cmp.Compare(a, b))
	})
	return keys[:min(limit, len(keys))], nil
}

func (tx *memoryTx) AppendLedger(_ context.Context, es []Entry) error {
	if err := tx.writing(); err != nil {
		return err
	}
	was := len(tx.ledger)
	tx.undo = append(tx.undo, func() { tx.memory.ledger = tx.memory.ledger[:was] })
	for _, e := range es {
		e.Seq = int64(len(tx.ledger)) + 1
		tx.memory.ledger = append(tx.memory.ledger, e)
	}
	return nil
}

func (tx *memoryTx) Ledger(_ context.Context, definition string, after int64, limit int) ([]Entry, error) {
	var out []Entry
	from := sort.Search(len(tx.ledger), func(i int) bool { return tx.ledger[i].Seq > after })
	for _, e := range tx.ledger[from:] {
		if definition != "" && e.Definition != definition {
			continue
		}
		if out = append(out, e); len(out) == limit {
			break
		}
	}
	return out, nil
}

func (tx *memoryTx) Results(_ context.Context, q ResultQuery) ([]Result, error) {
	type name struct{ definition, campaign, group string }
	sums := map[name]*Result{}
	row := func(definition, campaign, group string, at time.Time) *Result {
		if q.Definition != "" && definition != q.Definition || !q.Within(at) {
			return &Result{} // not counted
		}
		k := name{definition, campaign, group}
		if sums[k] == nil {
			sums[k] = &Result{Definition: definition, Campaign: campaign, Group: group}
		}
		return sums[k]
	}
	for _, e := range tx.ledger {
		if e.Event == EventCommit || e.Event == EventRestore || e.Event == EventCancel {
			row(e.Definition, e.Campaign, e.Group, e.At).Count(e)
		}
	}
	for _, g := range tx.grants {
		if g.Customer != "" {
			row(g.Definition, g.Campaign, g.Group, g.Issued).Issued++
		}
	}
	var out []Result
	for _, r := range sums {
		out = append(out, *r)
	}
	return out, nil
}

func (tx *memoryTx) Take(_ context.Context, s Scope, n, max Count) (bool, error) {
	if err := tx.writing(); err != nil {
		return false, err
	}
	have := tx.counters[s]
	have.Uses += n.Uses
	have.Amount += n.Amount
	if max.Uses > 0 && have.Uses > max.Uses || max.Amount > 0 && have.Amount > max.Amount {
		return false, nil
	}
	put(tx, tx.counters, s, have)
	return true, nil
}

func (tx *memoryTx) Give(_ context.Context, s Scope, n Count) (bool, error) {
	if err := tx.writing(); err != nil {
		return false, err
	}
	have := tx.counters[s]
	if have.Uses < n.Uses || have.Amount < n.Amount {
		return false, nil
	}
	put(tx, tx.counters, s, Count{have.Uses - n.Uses, have.Amount - n.Amount})
	return true, nil
}

func (tx *memoryTx) Rename(_ context.Context, customer, to dangol.CustomerID) error {
	if err := tx.writing(); err != nil {
		return err
	}
	for id := range tx.owned[string(customer)] {
		g := tx.grants[id]
		g.Customer = to
		put(tx, tx.grants, id, g)
		tx.own(g)
	}
	drop(tx, tx.owned, string(customer))
	for key, r := range tx.redemptions {
		if r.Customer == customer {
			r.Customer = to
			put(tx, tx.redemptions, key, r)
		}
	}
	for i, e := range tx.ledger {
		if e.Customer == customer {
			tx.undo = append(tx.undo, func() { tx.memory.ledger[i].Customer = customer })
			tx.memory.ledger[i].Customer = to
		}
	}
	for s, n := range tx.counters {
		if s.Subject == string(customer) && s.Kind != ScopeGrant {
			drop(tx, tx.counters, s)
			s.Subject = string(to)
			put(tx, tx.counters, s, n)
		}
	}
	return nil
}

func (tx *memoryTx) Counts(_ context.Context, ss []Scope) ([]Count, error) {
	out := make([]Count, len(ss))
	for i, s := range ss {
		out[i] = tx.counters[s]
	}
	return out, nil
}

func (tx *memoryTx) ResetCounters(_ context.Context, definition string, kind ScopeKind) error {
	if err := tx.writing(); err != nil {
		return err
	}
	for s := range tx.counters {
		if s.Definition == definition && s.Kind == kind {
			drop(tx, tx.counters, s)
		}
	}
	return nil
}

func (tx *memoryTx) DeleteCodes(_ context.Context, before time.Time, limit int) (n int, err error) {
	if err := tx.writing(); err != nil {
		return 0, err
	}
	for _, id := range tx.order.sorted(tx.grants) {
		g := tx.grants[id]
		touched := g.Customer != "" || !g.Used.IsZero() || !g.Revoked.IsZero() || g.Batch == "" || g.Key != ""
		if touched || g.Expires.IsZero() || !g.Expires.Before(before) {
			continue
		}
		if _, counted := tx.counters[Scope{Definition: g.Definition, Kind: ScopeGrant, Subject: id}]; counted {
			continue
		}
		if n == limit {
			break
		}
		drop(tx, tx.grants, id)
		drop(tx, tx.byCode, g.Code)
		n++
	}
	if n > 0 {
		tx.order.stale.Store(true)
		tx.undo = append(tx.undo, func() { tx.order.stale.Store(true) })
	}
	return n, nil
}
