package sqlstore

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/dangol-dev/dangol"
)

// errNoID is returned for a record of nobody in a table that the mapping calls owned.
var errNoID = errors.New("sqlstore: a record that a rule selects has no customer, though its table is mapped as owned")

// texts keeps many short texts in a few pieces of memory, each of which lives as long
// as any text of its own. It must not be copied.
type texts struct{ piece strings.Builder }

const pieceOfTexts = 1 << 14

// scan reads a row whose first column is an id, into dest, which begins with raw. A nil
// texts gives each id memory of its own.
func (t *texts) scan(scan func(...any) error, raw *sql.RawBytes, dest []any) (dangol.CustomerID, error) {
	if err := scan(dest...); err != nil {
		return "", err
	}
	if len(*raw) == 0 { // drivers differ in how they give an empty text
		var id sql.NullString
		if err := scan(append([]any{&id}, dest[1:]...)...); err != nil {
			return "", err
		}
		if !id.Valid {
			return "", errNoID
		}
		return dangol.CustomerID(id.String), nil
	}
	if t == nil {
		return dangol.CustomerID(*raw), nil
	}
	if t.piece.Cap()-t.piece.Len() < len(*raw) {
		t.piece = strings.Builder{}
		t.piece.Grow(max(pieceOfTexts, len(*raw)))
	}
	from := t.piece.Len()
	t.piece.Write(*raw)
	return dangol.CustomerID(t.piece.String()[from:]), nil
}
