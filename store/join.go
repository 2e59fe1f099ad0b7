package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Row is a record that a service keeps and rules read: coupon.Record and
// message.Record are rows.
type Row interface {
	// Of is whose record it is, and its key.
	Of() (customer dangol.CustomerID, key string)
	// Fields are the known fields by their names in the catalog: time.Time, string,
	// bool, or int64 in the field's stored units.
	Fields() map[string]any
}

// Feed is a kind of records that lives in a service instead of a store.
type Feed struct {
	kind    string
	records func(ctx context.Context, customer dangol.CustomerID) iter.Seq2[Row, error]
}

// NewFeed is the feed of a kind: records gives those of one customer, or of all
// when it is empty, as the services' Records do:
//
//	store.Join(data, store.NewFeed("coupons", coupons.Records), store.NewFeed("messages", messages.Records))
func NewFeed[R Row](kind string, records func(ctx context.Context, customer dangol.CustomerID) iter.Seq2[R, error]) Feed {
	return Feed{kind, func(ctx context.Context, customer dangol.CustomerID) iter.Seq2[Row, error] {
		return func(yield func(Row, error) bool) {
			for r, err := range records(ctx, customer) {
				if !yield(r, err) {
					return
				}
			}
		}
	}}
}

// Joined is a store with feeds beside it. Rules that read no fed kind are answered
// by the store itself. Those that do are answered by package eval over every
// customer, with all records of those feeds in memory: the slow path.
//
// A feed is read when it is asked, so an answer sees the store and the services
// each as they are at that time, not at one.
type Joined struct {
	Store
	schema *Schema
	feeds  map[string]Feed
}

var (
	_ Store    = (*Joined)(nil)
	_ Streamer = (*Joined)(nil)
)

// Join puts feeds beside a store. The store must be a Streamer, and the kinds must
// own their rows, have no parent, and be fed once.
func Join(data Store, feeds ...Feed) (*Joined, error) {
	if _, ok := data.(Streamer); !ok {
		return nil, fmt.Errorf("store: a store that cannot hand over its customers takes no feeds")
	}
	schema, err := NewSchema(data.Catalog())
	if err != nil {
		return nil, err
	}
	j := &Joined{Store: data, schema: schema, feeds: map[string]Feed{}}
	for _, f := range feeds {
		t, err := schema.Table(f.kind)
		if err != nil {
			return nil, fmt.Errorf("store: a feed of %q: %w", f.kind, err)
		}
		if f.kind == "" || t.Dimension || t.Parent != nil {
			return nil, fmt.Errorf("store: %q cannot be fed: it is no kind of records without parents", f.kind)
		}
		if _, twice := j.feeds[f.kind]; twice {
			return nil, fmt.Errorf("store: %q is fed twice", f.kind)
		}
		j.feeds[f.kind] = f
	}
	return j, nil
}

// Apply implements Store. A change of a fed kind is an *InvalidError: it is the
// service's to make.
func (j *Joined) Apply(ctx context.Context, changes ...Change) error {
	for i, c := range changes {
		if _, fed := j.feeds[c.Kind]; fed {
			return &InvalidError{Index: i, Change: c, Why: "the records of this kind come from a service"}
		}
	}
	return j.Store.Apply(ctx, changes...)
}

// Customer implements Store.
func (j *Joined) Customer(ctx context.Context, id dangol.CustomerID) (*eval.Customer, error) {
	c, err := j.Store.Customer(ctx, id)
	if err != nil {
		return nil, err
	}
	fed, err := j.read(ctx, id, slices.Sorted(maps.Keys(j.feeds)))
	if err != nil {
		return nil, err
	}
	return with(c, fed), nil
}

// Each implements Streamer.
func (j *Joined) Each(ctx context.Context, visit func(*eval.Customer) error) error {
	return j.each(ctx, slices.Sorted(maps.Keys(j.feeds)), visit)
}

func (j *Joined) each(ctx context.Context, kinds []string, visit func(*eval.Customer) error) error {
	fed, err := j.read(ctx, "", kinds)
	if err != nil {
		return err
	}
	return j.Store.(Streamer).Each(ctx, func(c *eval.Customer) error { return visit(with(c, fed)) })
}

// Select implements Store.
func (j *Joined) Select(ctx context.Context, q Query) ([]Answer, error) {
	kinds := map[string]bool{}
	for _, p := range q.Plans {
		if p == nil {
			continue
		}
		plan.Walk(p.Root, func(n plan.Node) bool {
			if a, ok := n.(*plan.Aggregate); ok {
				if _, fed := j.feeds[a.Kind]; fed {
					kinds[a.Kind] = true
				}
			}
			return true
		})
	}
	if len(kinds) == 0 {
		return j.Store.Select(ctx, q)
	}
	return Scan(ctx, q, ScanOptions{ReadAt: dangol.SystemClock.Now()}, func(yield func(*eval.Customer, error) bool) {
		err := j.each(ctx, slices.Sorted(maps.Keys(kinds)), func(c *eval.Customer) error {
			if !yield(c, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(nil, err)
		}
	})
}

// errStop ends a walk whose reader has seen enough.
var errStop = errors.New("store: stopped")

// fed is records of feeds by customer and kind, ordered by key.
type fed map[dangol.CustomerID]map[string][]*eval.Record

// read reads the feeds of kinds, of one customer or of all.
func (j *Joined) read(ctx context.Context, id dangol.CustomerID, kinds []string) (fed, error) {
	out := fed{}
	for _, kind := range kinds {
		for row, err := range j.feeds[kind].records(ctx, id) {
			if err != nil {
				return nil, fmt.Errorf("store: the records of %s: %w", kind, err)
			}
			customer, key := row.Of()
			change := Change{Customer: customer, Kind: kind, Key: key, Fields: map[string]catalog.Value{}}
			for name, v := range row.Fields() {
				value, err := plain(v)
				if err != nil {
					return nil, fmt.Errorf("store: %s %q, %s: %w", kind, key, name, err)
				}
				change.Fields[name] = value
			}
			if change, err = j.schema.Check(change); err != nil {
				return nil, fmt.Errorf("store: the records of %s: %w", kind, err)
			}
			if out[customer] == nil {
				out[customer] = map[string][]*eval.Record{}
			}
			out[customer][kind] = append(out[customer][kind], &eval.Record{Key: change.Key, Fields: change.Fields})
		}
	}
	for _, byKind := range out {
		for _, records := range byKind {
			slices.SortFunc(records, func(a, b *eval.Record) int { return cmp.Compare(a.Key, b.Key) })
		}
	}
	return out, nil
}

func plain(v any) (catalog.Value, error) {
	switch v := v.(type) {
	case time.Time:
		return catalog.TimeValue(v), nil
	case string:
		return catalog.StringValue(v), nil
	case bool:
		return catalog.BoolValue(v), nil
	case int64:
		return catalog.NumberValue(v), nil
	}
	return catalog.Missing, fmt.Errorf("a value of the type %T", v)
}

// with is the customer with what is fed; the one given stays as it is.
func with(c *eval.Customer, f fed) *eval.Customer {
	more, ok := f[c.ID]
	if !ok {
		return c
	}
	out := *c
	out.Records = maps.Clone(c.Records)
	if out.Records == nil {
		out.Records = map[string][]*eval.Record{}
	}
	maps.Copy(out.Records, more)
	return &out
}
