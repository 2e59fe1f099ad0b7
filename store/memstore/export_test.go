package memstore

import "context"

// Compact merges what changes left behind, as happens in the background after many.
func (s *Store) Compact() error { return s.table.Compact(context.Background(), true) }
