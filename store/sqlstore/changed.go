package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/sqlgen"
	"github.com/dangol-dev/dangol/store"
)

// ErrNoChanged is returned by ChangedSince when a table of the mapping names no
// column that tells when its rows were last written.
var ErrNoChanged = errors.New("sqlstore: the mapping has no changed column")

// ChangedSince finds the customers of whom a row was written at or after an instant,
// their own or a record's, by the columns that TableMap.Changed names. A host that
// keeps a copy, in memory or in another database, reads those by Customer and puts
// them there instead of reading everybody; one that Customer does not find any more
// is deleted there.
//
//   - Rows that the mapping's conditions leave out are found too: a soft delete is a
//     change.
//   - A row that is gone, and the former customer of a record that was given to
//     another, leave no trace; items of sets and pairs change with their owner's row
//     only.
//   - Clocks of writers differ and transactions last: ask from some minutes before
//     the last time, and take twice what is found twice.
func (s *Mapped) ChangedSince(ctx context.Context, since time.Time) (store.IDs, error) {
	var without []string
	for _, kind := range s.kinds() {
		if t := s.m.tables[kind]; t.changed == nil {
			without = append(without, t.entry)
		}
	}
	if len(without) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoChanged, strings.Join(without, ", "))
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	r, err := s.reader(ctx)
	if err != nil {
		return nil, s.m.dialect.told(ctx, err)
	}
	defer r.end()
	var ids []dangol.CustomerID
	for _, kind := range s.kinds() {
		st, err := sqlgen.Changed(s.dialect(), s.m.schema, kind, s.m.tables[kind].changed.sql, since)
		if err != nil {
			return nil, err
		}
		err = r.rows(ctx, st, func(scan func(...any) error) error {
			var id string
			if err := scan(&id); err != nil {
				return err
			}
			ids = append(ids, dangol.CustomerID(id))
			return nil
		})
		if err != nil {
			return nil, s.m.dialect.told(ctx, err)
		}
	}
	return store.NewIDs(ids), nil
}
