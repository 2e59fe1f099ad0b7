package store

import (
	"iter"
	"slices"

	"github.com/dangol-dev/dangol"
)

// IDs are Members in a slice: ordered by the bytes of the ids, without
// repetition, never changed.
type IDs []dangol.CustomerID

// NewIDs sorts ids, which it takes over, and leaves out what is repeated.
func NewIDs(ids []dangol.CustomerID) IDs {
	sortIDs(ids)
	return slices.Compact(ids)
}

// Len is how many there are.
func (m IDs) Len() int { return len(m) }

// All yields the ids in the order of their bytes.
func (m IDs) All() iter.Seq[dangol.CustomerID] { return slices.Values(m) }

// Contains tells whether the id is one of them.
func (m IDs) Contains(id dangol.CustomerID) bool {
	_, ok := slices.BinarySearch(m, id)
	return ok
}
