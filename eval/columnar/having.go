package columnar

import (
	"iter"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
)

// Having yields the rows of a kind whose text field says one of some texts: whose
// they are, and their keys.
func (s *Snapshot) Having(kind, fieldName string, texts map[string]bool) iter.Seq2[dangol.CustomerID, string] {
	return func(yield func(dangol.CustomerID, string) bool) {
		k, ok := s.schema.kind[kind]
		if !ok {
			return
		}
		f, ok := s.schema.kinds[k].field[fieldName]
		if !ok || s.schema.kinds[k].fields[f].dict == nil {
			return
		}
		codes := map[uint64]bool{}
		for text := range texts {
			if code, ok := s.schema.kinds[k].fields[f].dict.find(catalog.StringValue(text)); ok {
				codes[code] = true
			}
		}
		for _, sh := range s.shards {
			l := sh.logs[k]
			c := l.fields[f]
			if c == nil {
				continue
			}
			for row := range l.n {
				if codes[c.at(row)] && l.local[row] != nobody && !yield(sh.ids[l.local[row]], l.keys.at(row)) {
					return
				}
			}
		}
	}
}
