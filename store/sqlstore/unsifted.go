package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// unsifted gives the ids of a statement's answer to visit, without those who joined late.
// sifted is false where there are too many of these to tell, and nothing was given then:
// there have been before of this as-of or of a later one, or it turns out.
func (r *reader) unsifted(ctx context.Context, st sqlgen.Unsifted, visit func(rowID, []sql.NullInt64) error) (sifted bool, err error) {
	if st.AsOf <= r.crowded.Load() {
		return false, nil
	}
	var arrays []string
	late, rows := map[int64]bool{}, 0 // a host may have a customer twice
	err = r.rows(ctx, sqlgen.Statement{SQL: st.SQL, Args: st.Args}, func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		if strings.HasPrefix(text, "[") {
			arrays = append(arrays, text)
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
		return false, err
	}
	if rows > sqlgen.MostLate {
		r.crowded.Store(max(r.crowded.Load(), st.AsOf))
		return false, nil
	}
	for _, text := range arrays {
		columns := []packedColumn{{cell: text, array: true}}
		if err := open(columns); err != nil {
			return false, err
		}
		err := unpack(columns, nil, func(id rowID, none []sql.NullInt64) error {
			if late[id.number] {
				return nil
			}
			return visit(id, none)
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
