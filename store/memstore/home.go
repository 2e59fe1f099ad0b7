package memstore

import (
	"context"
	"iter"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/columnar"
	"github.com/dangol-dev/dangol/store"
)

// home is where the customers are: columns or, with Options.ByEval, pages. Its
// readers may come at any time; write is called by one at a time.
type home interface {
	len() int
	customer(id dangol.CustomerID) (*eval.Customer, bool)
	// each visits all in the order of their ids, over one state.
	each(visit func(*eval.Customer) error) error

	// What a draft asks; nobody writes meanwhile.

	// find tells whether there is a customer, and where.
	find(id dangol.CustomerID) (columnar.Spot, bool)
	// head is a customer; the records may be left out.
	head(id dangol.CustomerID) *eval.Customer
	count(id dangol.CustomerID, kind string) int
	// most is at least count, and found quicker.
	most(id dangol.CustomerID, kind string) int
	// record is nil for none. Of its parent the key may be all.
	record(id dangol.CustomerID, kind, key string, hint uint32) *eval.Record
	// look tells where a customer is, whose id may be "" for nobody, and whose a record.
	look(id dangol.CustomerID, kind, key string) columnar.Sight
	// patches tells whether write takes rows of the table that are parts.
	patches(t *store.Table) bool
	// having are records, and whose they are, whose text field says one of some texts.
	having(t *store.Table, field string, texts map[string]bool) iter.Seq2[dangol.CustomerID, string]

	// write makes the draft the state, or fails and leaves things as they are: with
	// ErrFull, or the context's error.
	write(ctx context.Context, d *draft) error
}

// origin tells which fields of a record are not a dimension's, though they are of
// one that the record reaches: the record itself cannot tell. It is guarded by
// Store.write.
type origin struct {
	// brought are fields, by kind, that rows that were loaded by columns bring
	// themselves where they have them.
	brought map[string]map[string]bool
	// own are such fields, by kind and key, and go before brought. A row of which
	// neither tells anything has none.
	own map[string]map[string]fields
}

// of are the fields of a record that it brings itself among those it reaches.
func (o *origin) of(t *store.Table, r *eval.Record) fields {
	if own, ok := o.own[t.Kind][r.Key]; ok {
		return own
	}
	var out fields
	for name := range o.brought[t.Kind] {
		if v, ok := r.Fields[name]; ok {
			if out == nil {
				out = fields{}
			}
			out[name] = v
		}
	}
	return out
}

// note says what a row brings itself that was put.
func (o *origin) note(e *entry) {
	t := e.table
	if !t.Reaching {
		return
	}
	var own fields
	if !e.gone {
		own = ownReached(t, e.row.fields)
	}
	if own == nil && (e.gone || o.brought[t.Kind] == nil) {
		delete(o.own[t.Kind], e.key)
		return
	}
	if o.own[t.Kind] == nil {
		if o.own == nil {
			o.own = map[string]map[string]fields{}
		}
		o.own[t.Kind] = map[string]fields{}
	}
	o.own[t.Kind][e.key] = own
}
