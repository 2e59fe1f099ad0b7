package columnar

import (
	"slices"
	"strings"
	"sync"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// dictionary numbers the different strings or sets of one field, from 1 in the
// order of their arrival. It only grows, so that a reader's codes stay what they
// were. It is safe for concurrent use.
type dictionary struct {
	sets bool

	mu     sync.RWMutex
	values []catalog.Value // values[0] is what a missing value reads as
	number map[string]uint32
	bytes  int // about
}

// textBytes is about what a text takes in a dictionary, besides its own bytes: a
// value, an entry of the map, and what both keep free.
const textBytes = 160

func newDictionary(t catalog.Type) *dictionary {
	switch t.Sort {
	case catalog.String, catalog.Enum:
		return &dictionary{values: []catalog.Value{catalog.Missing}, number: map[string]uint32{}}
	case catalog.Set:
		return &dictionary{sets: true, values: []catalog.Value{catalog.SetValue()}, number: map[string]uint32{}}
	}
	return nil
}

// code is the number of a value, given on first sight.
func (d *dictionary) code(v catalog.Value) uint64 {
	if code, ok := d.find(v); ok {
		return code
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := d.key(v)
	if n, ok := d.number[key]; ok {
		return uint64(n)
	}
	n := uint32(len(d.values))
	d.number[strings.Clone(key)] = n
	d.bytes += textBytes + 2*len(key)
	d.values = append(d.values, v)
	return uint64(n)
}

// find is the number of a value, not ok when no row ever had it.
func (d *dictionary) find(v catalog.Value) (uint64, bool) {
	key := d.key(v)
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, ok := d.number[key]
	return uint64(n), ok
}

func (d *dictionary) key(v catalog.Value) string {
	if !d.sets {
		return v.Text()
	}
	if len(v.Items()) == 1 && !strings.Contains(v.Items()[0], "\x00") {
		return v.Items()[0]
	}
	var b strings.Builder
	for _, item := range v.Items() {
		b.WriteString(strings.ReplaceAll(item, "\x00", "\x00\x00"))
		b.WriteString("\x00\x01")
	}
	return b.String()
}

// size is about how much memory the dictionary takes.
func (d *dictionary) size() int {
	if d == nil {
		return 0
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.bytes
}

// all are the values so far, by their numbers. They must not be changed.
func (d *dictionary) all() []catalog.Value {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Clip(d.values)
}
