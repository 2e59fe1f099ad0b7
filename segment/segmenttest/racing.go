package segmenttest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/segment"
)

// A send that was held never sees its group edited: of many holds and edits at
// once, no edit is saved while a hold is in the ledger.
func holdAgainstEdit(w *world) {
	w.join(at(1, 10, 0), "a", "b")
	w.create("g", "joined within 7d")
	for round := range 15 {
		use := dangol.Use{By: "message", Kind: dangol.UseSend, ID: fmt.Sprint(round), Name: "campaign"}
		var hold, edit error
		var seen int
		var wg sync.WaitGroup
		wg.Go(func() {
			if hold = w.Hold(w.ctx, "g", use); hold == nil {
				g, err := w.Get(w.ctx, "g")
				seen, hold = g.RuleVersion, err
			}
		})
		wg.Go(func() {
			_, edit = w.Edit(w.ctx, "g", func(d *segment.Definition) { d.Rule = fmt.Sprintf("joined within %dd", round+8) })
		})
		wg.Wait()
		require.NoError(w.t, hold)
		after := w.get("g").RuleVersion
		require.Equal(w.t, seen, after, "the rule changed under a hold")
		if edit != nil {
			require.ErrorIs(w.t, edit, segment.ErrHeld)
		}
		require.NoError(w.t, w.Release(w.ctx, "g", use))
	}
}

// Readers page through snapshots while the members are swapped back and forth:
// each sees one version.
func readersDuringSwaps(w *world) {
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprintf("c%02d", i))
	}
	w.join(at(1, 10, 0), all...)
	w.create("g", "joined within 7d")
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				snap, err := w.Snapshot(w.ctx, "g")
				if err != nil {
					w.t.Error(err)
					return
				}
				n := 0
				for after := dangol.CustomerID(""); ; {
					page, err := w.Members(w.ctx, snap, after, 7)
					if err != nil {
						w.t.Error(err)
						return
					}
					n += len(page)
					if len(page) < 7 {
						break
					}
					after = page[6]
				}
				if n != snap.Count || n != 0 && n != 40 {
					w.t.Errorf("%d members of a snapshot of %d", n, snap.Count)
					return
				}
			}
		})
	}
	for i := range 10 {
		rule := "joined within 7d"
		if i%2 == 0 {
			rule = "orders"
		}
		w.edit("g", func(d *segment.Definition) { d.Rule = rule })
	}
	close(done)
	wg.Wait()
}

// Several schedulers find the same groups due: every change is applied once.
func schedulersAtOnce(w *world) {
	w.join(at(1, 10, 0), "a")
	for i := range 5 {
		w.create(fmt.Sprint("g", i), "joined within 7d")
	}
	w.join(at(2, 10, 0), "b")
	w.clock.Set(at(3, 0, 0))
	var wg sync.WaitGroup
	for i := range 4 {
		s := w.another(fmt.Sprint("process ", i))
		wg.Go(func() {
			done, err := s.RefreshDue(w.ctx)
			if err != nil {
				w.t.Error(err)
			}
			for _, d := range done {
				var lease *segment.LeaseError
				if d.Err != nil && !errors.As(d.Err, &lease) {
					w.t.Error(d.Err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 5 {
		history, err := w.History(w.ctx, fmt.Sprint("g", i), 0, 0)
		require.NoError(w.t, err)
		require.Len(w.t, history, 2)
		require.Equal(w.t, "a b", w.members(fmt.Sprint("g", i)))
	}
}
