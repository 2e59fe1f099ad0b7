package memstore

import (
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
)

// What things take, about, in bytes: a row with its key in the index and its row of
// columns, and a field in a map and a column.
const (
	rowBytes   = 400
	fieldBytes = 100
)

// customerBytes is about how much memory a customer takes, 0 for nobody.
func customerBytes(c *eval.Customer) int64 {
	if c == nil {
		return 0
	}
	n := rowBytes + fieldBytes*len(c.Attributes)
	for _, records := range c.Records {
		for _, r := range records {
			n += rowBytes + fieldBytes*len(r.Fields)
		}
	}
	return int64(n)
}

// changeBytes is about how much memory a change takes until it is made.
func changeBytes(c *store.Change) int64 {
	return int64(rowBytes + fieldBytes*len(c.Fields))
}
