//go:build !purego

package columnar

// avx2 tells whether the processor has AVX2.
var avx2 = wideRegisters()

// The loops of the portable kernels, 32 codes a step; n is a multiple of 32 and
// not 0.

//go:noescape
func insideBytesWide(dst, src *uint8, n int, lo, span uint8)

//go:noescape
func insideHalvesWide(dst *uint8, src *uint16, n int, lo, span uint16)

//go:noescape
func insideWordsWide(dst *uint8, src *uint32, n int, lo, span uint32)

//go:noescape
func insideIntsWide(dst *uint8, src *int64, n int, lo, hi int64)

func wideRegisters() bool

// insideBytes, insideHalves and insideWords are inside for a width of codes,
// insideInts is insideEach.
func insideBytes(dst, src []uint8, lo, span uint8) {
	dst = dst[:len(src)]
	n := 0
	if avx2 && len(src) >= 32 {
		n = len(src) &^ 31
		insideBytesWide(&dst[0], &src[0], n, lo, span)
	}
	insideEight(dst[n:], src[n:], lo, span)
}

func insideHalves(dst []uint8, src []uint16, lo, span uint16) {
	dst = dst[:len(src)]
	n := 0
	if avx2 && len(src) >= 32 {
		n = len(src) &^ 31
		insideHalvesWide(&dst[0], &src[0], n, lo, span)
	}
	inside(dst[n:], src[n:], lo, span)
}

func insideWords(dst []uint8, src []uint32, lo, span uint32) {
	dst = dst[:len(src)]
	n := 0
	if avx2 && len(src) >= 32 {
		n = len(src) &^ 31
		insideWordsWide(&dst[0], &src[0], n, lo, span)
	}
	inside(dst[n:], src[n:], lo, span)
}

func insideInts(dst []uint8, src []int64, lo, hi int64) {
	dst = dst[:len(src)]
	n := 0
	if avx2 && len(src) >= 32 {
		n = len(src) &^ 31
		insideIntsWide(&dst[0], &src[0], n, lo, hi)
	}
	insideEach(dst[n:], src[n:], lo, hi)
}
