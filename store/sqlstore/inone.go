package sqlstore

import (
	"context"
	"database/sql"

	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// inArrays asks for the answer of a statement where ClickHouse tells it in an array. rest
// gives it to visit; it is nil where there is no such statement, or its answer may lack
// something.
func (r *reader) inArrays(ctx context.Context, st sqlgen.Statement, values []sql.NullInt64, visit func(rowID, []sql.NullInt64) error) (rest func() error, err error) {
	if st.Unsifted.SQL != "" {
		rest, cut, err := r.unsifted(ctx, st.Unsifted, visit)
		if rest != nil || cut || err != nil {
			return rest, err
		}
	}
	if st.InOne.SQL == "" {
		return nil, nil
	}
	columns, dest := packedColumns(len(values)+1, true)
	rows := 0
	err = r.rows(ctx, sqlgen.Statement{SQL: st.InOne.SQL, Args: st.InOne.Args}, func(scan func(...any) error) error {
		rows++
		return scan(dest...)
	})
	if err != nil || rows != 1 {
		return nil, err
	}
	if err := open(columns); err != nil || columns[0].items() >= st.InOne.Most {
		return nil, err
	}
	return func() error { return unpack(columns, values, visit) }, nil
}
