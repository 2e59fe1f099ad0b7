package columnar

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dangol-dev/dangol"
	"github.com/stretchr/testify/require"
)

// Places are those of a map through additions and removals, of places in a row and far
// apart, and guesses of ids that have one are nearly always right.
func TestPlacesAreAMap(t *testing.T) {
	for _, far := range []uint32{1, 7, 1 << 17} {
		rnd := rand.New(rand.NewPCG(uint64(far), 1))
		p, want, ids := newPlaces(), map[dangol.CustomerID]uint32{}, map[uint32]dangol.CustomerID{}
		at := func(place uint32) dangol.CustomerID { return ids[place] }
		next, wrong, guessed := uint32(0), 0, 0
		for range 20_000 {
			id := dangol.CustomerID(fmt.Sprint(rnd.IntN(5000)))
			place, known := want[id]
			got, ok := p.find(id, at)
			require.Equal(t, known, ok)
			require.Equal(t, place, got)
			require.Equal(t, len(want), p.n)
			if known {
				guessed++
				if guess, ok := p.guess(p.hash(id)); !ok || guess != place {
					wrong++
				}
			}
			switch {
			case !known:
				next += far
				ids[next-1], want[id] = id, next-1
				require.True(t, p.addNew(id, next-1, at))
			case rnd.IntN(3) == 0:
				require.False(t, p.addNew(id, next+far, at))
			case rnd.IntN(2) == 0:
				p.remove(id, at)
				delete(want, id)
			}
		}
		if far < 1<<17 { // which leaves no bit for the hash
			require.Less(t, wrong, guessed/100)
		}
	}
}
