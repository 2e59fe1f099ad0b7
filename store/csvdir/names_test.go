package csvdir

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Names are numbered as a map numbers them, whatever the first ones make them look
// like.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, want := newNames(), map[string]uint32{}
		form := rapid.SampledFrom([]string{"%d", "c%d", "c%05d", "%03d-x", "7%d"}).Draw(t, "form")
		for range rapid.IntRange(0, 300).Draw(t, "n") {
			text := fmt.Sprintf(form, rapid.IntRange(0, 200).Draw(t, "number"))
			if rapid.IntRange(0, 50).Draw(t, "odd") == 0 {
				text = rapid.SampledFrom([]string{"", "x", "00", "000042", "c", "c-1", "c0", "9999999999", "123456789", "c99999999", "\xff", "c٣"}).Draw(t, "text")
			}
			at, known := n.find([]byte(text))
			place, there := want[text]
			require.Equal(t, there, known, "%q", text)
			if there {
				require.Equal(t, place, at)
			}
			if rapid.Bool().Draw(t, "add") {
				got, isNew := n.number([]byte(text))
				require.Equal(t, !there, isNew)
				if !there {
					place = uint32(len(want))
					want[text] = place
				}
				require.Equal(t, place, got)
			}
		}
		for text, place := range want {
			require.Equal(t, text, n.strings()[place])
		}
	})
}
