package coupon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// NewMemory is a Store in memory, for tests and for hosts that keep state
// themselves. It is gone with the process.
func NewMemory() Store {
	m := &memory{
		definitions: map[string][]Definition{},
		byKind:      map[Kind][]string{},
		stops:       map[string]Stops{},
		grants:      map[string]Grant{},
		byCode:      map[string]string{},
		byKey:       map[string]string{},
		owned:       map[string]map[string]bool{},
		batches:     map[string]Batch{},
		redemptions: map[string]Redemption{},
		reserved:    map[string]time.Time{},
		counters:    map[Scope]Count{},
	}
	return m
}

// memory runs one transaction at a time under a lock. A failed one is undone by
// the steps it recorded, latest first.
type memory struct {
	mu          sync.RWMutex
	definitions map[string][]Definition // versions, oldest first
	byKind      map[Kind][]string       // IDs in order; a definition's kind is final
	stops       map[string]Stops
	grants      map[string]Grant
	byCode      map[string]string          // code -> grant
	byKey       map[string]string          // issue key -> grant
	owned       map[string]map[string]bool // customer -> grants
	order       grantOrder
	batches     map[string]Batch
	redemptions map[string]Redemption
	reserved    map[string]time.Time // keys of reserved redemptions and when they lapse
	counters    map[Scope]Count
	ledger      []Entry
}

func (m *memory) Update(ctx context.Context, f func(Tx) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := &memoryTx{memory: m}
	done := false
	defer func() {
		if !done || err != nil { // an error, or a panic on its way to the host
			for _, undo := range slices.Backward(tx.undo) {
				undo()
			}
		}
	}()
	err = f(tx)
	done = true
	return err
}

func (m *memory) View(ctx context.Context, f func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return f(&memoryTx{memory: m, reading: true})
}

func (m *memory) WithTx(tx HostTx) (Store, error) {
	return nil, requestError("the memory store joins no transaction, and so not a %T", tx)
}

type memoryTx struct {
	*memory
	reading bool
	undo    []func()
}

// put sets a map's entry and remembers how to undo it.
func put[K comparable, V any](tx *memoryTx, m map[K]V, k K, v V) {
	was, had := m[k]
	tx.undo = append(tx.undo, func() {
		if had {
			m[k] = was
		} else {
			delete(m, k)
		}
	})
	m[k] = v
}

func drop[K comparable, V any](tx *memoryTx, m map[K]V, k K) {
	was, had := m[k]
	if had {
		tx.undo = append(tx.undo, func() { m[k] = was })
		delete(m, k)
	}
}

func (tx *memoryTx) writing() error {
	if tx.reading {
		return requestError("a View does not write")
	}
	return nil
}

// Definitions.

func (tx *memoryTx) Definition(_ context.Context, id string, version int64) (Definition, error) {
	vs := tx.definitions[id]
	if version == 0 {
		version = int64(len(vs))
	}
	if version < 1 || version > int64(len(vs)) {
		return Definition{}, fmt.Errorf("%w: definition %q version %d", ErrNotFound, id, version)
	}
	return tx.stopped(vs[version-1]), nil
}

// stopped is a copy of a definition with the stops as they are now.
func (tx *memoryTx) stopped(d Definition) Definition {
	d = d.clone()
	d.Stops = tx.stops[d.ID]
	return d
}

func (tx *memoryTx) FindDefinitions(_ context.Context, q DefinitionQuery) ([]Definition, error) {
	var out []Definition
	ids := tx.byKind[q.Kind]
	if q.Kind == "" {
		ids = slices.Sorted(maps.Keys(tx.definitions))
	}
	for _, id := range ids {
		vs := tx.definitions[id]
		d := vs[len(vs)-1]
		if id <= q.After && q.After != "" ||
			q.Automatic.Group != "" && d.Automatic.Group != q.Automatic.Group ||
			q.Automatic.Event != "" && d.Automatic.Event != q.Automatic.Event {
			continue
		}
		if out = append(out, tx.stopped(d)); q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

func (tx *memoryTx) SaveDefinition(_ context.Context, d Definition) error {
	if err := tx.writing(); err != nil {
		return err
	}
	vs := tx.definitions[d.ID]
	if d.Version != int64(len(vs))+1 {
		return ErrConflict
	}
	put(tx, tx.definitions, d.ID, append(slices.Clip(vs), d.clone()))
	if ids := tx.byKind[d.Kind]; d.Version == 1 {
		i, _ := slices.BinarySearch(ids, d.ID)
		put(tx, tx.byKind, d.Kind, slices.Insert(slices.Clone(ids), i, d.ID))
	}
	return nil
}

func (tx *memoryTx) SetStops(_ context.Context, id string, s Stops) error {
	if err := tx.writing(); err != nil {
		return err
	}
	if len(tx.definitions[id]) == 0 {
		return fmt.Errorf("%w: definition %q", ErrNotFound, id)
	}
	put(tx, tx.stops, id, s)
	return nil
}

// clone copies the lists, which callers may change.
func (d Definition) clone() Definition {
	for _, l := range []*[]string{&d.Channels, &d.Stores, &d.Audience, &d.Targets.Products, &d.Targets.Categories,
		&d.Targets.NotProducts, &d.Targets.NotCategories} {
		*l = slices.Clone(*l)
	}
	d.Limits, d.IssueLimits = slices.Clone(d.Limits), slices.Clone(d.IssueLimits)
	return d
}

// Grants.

func (tx *memoryTx) InsertGrants(_ context.Context, gs []Grant) error {
	if err := tx.writing(); err != nil {
		return err
	}
	for _, g := range gs {
		_, id := tx.grants[g.ID]
		_, code := tx.byCode[g.Code]
		_, key := tx.byKey[g.Key]
		if id || code || key {
			return ErrConflict
		}
		g.Rev = 0
		tx.order.stale.Store(true)
		tx.undo = append(tx.undo, func() { tx.order.stale.Store(true) })
		put(tx, tx.grants, g.ID, g)
		put(tx, tx.byCode, g.Code, g.ID)
		if g.Key != "" {
			put(tx, tx.byKey, g.Key, g.ID)
		}
		tx.own(g)
	}
	return nil
}

func (tx *memoryTx) own(g Grant) {
	if g.Customer == "" {
		return
	}
	c := string(g.Customer)
	if tx.owned[c] == nil {
		put(tx, tx.owned, c, map[string]bool{})
	}
	put(tx, tx.owned[c], g.ID, true)
}

func (tx *memoryTx) Grant(_ context.Context, by GrantRef) (Grant, error) {
	id, ok := by.ID, by.ID != ""
	switch {
	case by.Code != "":
		id, ok = tx.byCode[by.Code]
	case by.Key != "":
		id, ok = tx.byKey[by.Key]
	}
	g, found := tx.grants[id]
	if !ok || !found {
		return Grant{}, fmt.Errorf("%w: grant %v", ErrNotFound, by)
	}
	return g, nil
}

func (tx *memoryTx) ReplaceGrant(_ context.Context, g Grant) error {
	if err := tx.writing(); err != nil {
		return err
	}
	was, ok := tx.grants[g.ID]
	if !ok || was.Rev != g.Rev {
		return ErrConflict
	}
	g.Rev++
	g.Code, g.Key = was.Code, was.Key
	g.Used, g.Order, g.Discount = was.Used, was.Order, was.Discount
	put(tx, tx.grants, g.ID, g)
	if was.Customer != "" && was.Customer != g.Customer {
		drop(tx, tx.owned[string(was.Customer)], g.ID)
	}
	tx.own(g)
	return nil
}

func (tx *memoryTx) SetUsed(_ context.Context, id string, used time.Time, order string, discount int64) error {
	if err := tx.writing(); err != nil {
		return err
	}
	g, ok := tx.grants[id]
	if !ok {
		return fmt.Errorf("%w: grant %q", ErrNotFound, id)
	}
	g.Used, g.Order, g.Discount = used, order, discount
	put(tx, tx.grants, id, g)
	return nil
}

func (tx *memoryTx) FindGrants(_ context.Context, q GrantQuery) ([]Grant, error) {
	var out []Grant
	consider := func(id string) {
		g := tx.grants[id]
		if id <= q.After && q.After != "" || q.Customer != "" && g.Customer != q.Customer || q.Owned && g.Customer == "" ||
			q.Definition != "" && g.Definition != q.Definition || q.Batch != "" && g.Batch != q.Batch ||
			q.Unused && !(g.Used.IsZero() && g.Revoked.IsZero()) ||
			!q.ExpiresFrom.IsZero() && (g.Expires.IsZero() || g.Expires.Before(q.ExpiresFrom)) ||
			!q.ExpiresBefore.IsZero() && (g.Expires.IsZero() || !g.Expires.Before(q.ExpiresBefore)) {
			return
		}
		out = append(out, g)
	}
	if q.Customer != "" {
		for id := range tx.owned[string(q.Customer)] {
			consider(id)
		}
		slices.SortFunc(out, func(a, b Grant) int { return cmp.Compare(a.ID, b.ID) })
		if q.Limit > 0 && len(out) > q.Limit {
			out = out[:q.Limit]
		}
		return out, nil
	}
	ids := tx.order.sorted(tx.grants)
	from, _ := slices.BinarySearch(ids, q.After)
	for _, id := range ids[from:] {
		if consider(id); q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

// grantOrder keeps the IDs of grants in order for walks, made when one asks.
type grantOrder struct {
	mu  sync.Mutex
	ids []string
	// stale is set when grants were added or removed since.
	stale atomic.Bool
}

func (o *grantOrder) sorted(grants map[string]Grant) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stale.Swap(false) {
		o.ids = slices.Sorted(maps.Keys(grants))
	}
	return o.ids
}

func (tx *memoryTx) Batch(_ context.Context, id string) (Batch, error) {
	b, ok := tx.batches[id]
	if !ok {
		return Batch{}, fmt.Errorf("%w: batch %q", ErrNotFound, id)
	}
	return b, nil
}

func (tx *memoryTx) SaveBatch(_ context.Context, b Batch) error {
	if err := tx.writing(); err != nil {
		return err
	}
	if tx.batches[b.ID].Rev != b.Rev {
		return ErrConflict
	}
	b.Rev++
	put(tx, tx.batches, b.ID, b)
	return nil
}

func (tx *memoryTx) CountGrants(context.Context) (int64, error) { return int64(len(tx.grants)), nil }
