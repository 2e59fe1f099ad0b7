//go:build !purego

package bitmap

// packWordsWide is packEach of n words, which are not 0, with registers of sixteen
// bytes.
//
//go:noescape
func packWordsWide(dst *uint64, mask *uint8, n int)

func packWords(dst []uint64, mask []uint8) {
	if len(dst) > 0 {
		packWordsWide(&dst[0], &mask[:64*len(dst)][0], len(dst))
	}
}
