package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// unsifted asks for the ids of a statement's answer, which rest gives to visit without those
// who joined late. rest is nil where there are too many of these to tell: there have been
// before of this as-of or of a later one, or it turns out. It is nil too where the answer is
// too long for an array, which cut tells.
func (r *reader) unsifted(ctx context.Context, st sqlgen.Unsifted, visit func(rowID, []sql.NullInt64) error) (rest func() error, cut bool, err error) {
	if st.AsOf <= r.crowded.Load() {
		return nil, false, nil
	}
	columns, arrays := []packedColumn{{array: true}}, 0
	late, rows := map[int64]bool{}, 0 // a host may have a customer twice
	err = r.rows(ctx, sqlgen.Statement{SQL: st.SQL, Args: st.Args}, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		if strings.HasPrefix(text, "[") {
			columns[0].cell = text
			arrays++
			return nil
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %w", errPacked, err)
		}
		late[id] = true
		rows++
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if rows > sqlgen.MostLate {
		r.crowded.Store(max(r.crowded.Load(), st.AsOf))
		return nil, false, nil
	}
	if err := open(columns); err != nil || arrays != 1 || columns[0].items() >= st.Most {
		return nil, true, err
	}
	return func() error {
		return unpack(columns, nil, func(id rowID, none []sql.NullInt64) error {
			if late[id.number] {
				return nil
			}
			return visit(id, none)
		})
	}, false, nil
}
