package main

import (
	"context"
	"runtime"

	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
)

// footprint is how many bytes of the heap a customer of the shop takes, as a whole
// memstore with a numbered key for every row: loaded; after every rule was asked of
// everybody at once; and after all of them were asked of each customer alone, by
// when what such questions read lies together.
type footprint struct {
	Loaded   float64 `json:"loaded"`
	Selected float64 `json:"selected"`
	Asked    float64 `json:"asked_one_by_one"`
}

func (o *ours) footprint(s *shop) (out footprint, err error) {
	ctx := context.Background()
	before := heap()
	m, err := memstore.New(shopCatalog(), memstore.Options{})
	if err != nil {
		return out, err
	}
	if err := m.LoadColumns(ctx, s.keyed()); err != nil {
		return out, err
	}
	a := func() float64 { return float64(heap()-before) / float64(s.customers) }
	out.Loaded = a()
	plans, env, err := o.cut(rules())
	if err != nil {
		return out, err
	}
	if _, err := m.Select(ctx, store.Query{Plans: plans, AsOf: now, Zone: zone}); err != nil {
		return out, err
	}
	out.Selected = a()
	matcher, err := m.Matcher(ctx, plans, env)
	if err != nil {
		return out, err
	}
	in := make([]bool, len(plans))
	for c := range s.customers {
		if err := matcher.Matches(ctx, id(c), now, in); err != nil {
			return out, err
		}
	}
	out.Asked = a()
	runtime.KeepAlive(m)
	return out, nil
}

// keyed is the shop as a store loads it: every row has a key.
func (s *shop) keyed() store.Columns {
	in := s.columns()
	out := store.Columns{IDs: in.IDs, Attributes: in.Attributes}
	for _, r := range in.Rows {
		r.Numbers = make([]int64, len(r.Customer))
		for i := range r.Numbers {
			r.Numbers[i] = int64(i)
		}
		out.Rows = append(out.Rows, store.Rows(r))
	}
	return out
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
