package sqlstore

import (
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/store"
)

// errNoID is returned for a record of nobody in a table that the mapping calls owned.
var errNoID = errors.New("sqlstore: a record that a rule selects has no customer, though its table is mapped as owned")

// rowID is a customer's id as a row of a statement has it: a number, or a text.
type rowID struct {
	number int64
	text   dangol.CustomerID
	isText bool
}

func textID(text dangol.CustomerID) rowID { return rowID{text: text, isText: true} }

func (id rowID) id() dangol.CustomerID {
	if id.isText {
		return id.text
	}
	return dangol.CustomerID(strconv.FormatInt(id.number, 10))
}

// rowIDs gathers ids.
type rowIDs struct {
	numbers []int64
	texts   []dangol.CustomerID
	once    int // of numbers, that are each there once
}

// manyNumbers is from how many numbers on those that are repeated are left out while more
// come.
const manyNumbers = 1 << 20

// add takes an id. Where ids may come several times, no more numbers are held than a
// million, or twice as many as there are.
func (ids *rowIDs) add(id rowID, repeats bool) {
	if id.isText {
		ids.texts = append(ids.texts, id.text)
		return
	}
	ids.numbers = append(ids.numbers, id.number)
	if n := len(ids.numbers); repeats && n >= manyNumbers && n >= 2*ids.once {
		slices.Sort(ids.numbers)
		ids.numbers = slices.Compact(ids.numbers)
		ids.once = len(ids.numbers)
	}
}

// sorted are the ids as members. It takes them over.
func (ids *rowIDs) sorted() store.IDs {
	if len(ids.texts) == 0 {
		return numberedIDs(ids.numbers)
	}
	return store.NewIDs(append(ids.texts, numberedIDs(ids.numbers)...))
}

// idScanner reads the ids of a statement's rows.
type idScanner struct {
	numbers bool   // the statement gives numbers
	kept    *texts // where texts lie; nil gives each memory of its own
	cell    any
	raw     sql.RawBytes
}

// into is where a row's id is scanned to.
func (c *idScanner) into() any {
	if c.numbers {
		return &c.cell
	}
	return &c.raw
}

// scan reads a row into dest, which begins with into.
func (c *idScanner) scan(scan func(...any) error, dest []any) (rowID, error) {
	if !c.numbers {
		text, err := c.kept.scan(scan, &c.raw, dest)
		return textID(text), err
	}
	if err := scan(dest...); err != nil {
		return rowID{}, err
	}
	switch v := c.cell.(type) {
	case int64:
		return rowID{number: v}, nil
	case string:
		return textID(dangol.CustomerID(v)), nil
	case nil:
		return rowID{}, errNoID
	}
	// What else drivers make of the column, database/sql turns into text.
	text, err := c.kept.scan(scan, &c.raw, append([]any{&c.raw}, dest[1:]...))
	return textID(text), err
}

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
