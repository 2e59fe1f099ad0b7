//go:build !amd64 || purego

package columnar

func insideBytes(dst, src []uint8, lo, span uint8)            { insideEight(dst, src, lo, span) }
func insideHalves(dst []uint8, src []uint16, lo, span uint16) { inside(dst, src, lo, span) }
func insideWords(dst []uint8, src []uint32, lo, span uint32)  { inside(dst, src, lo, span) }
func insideInts(dst []uint8, src []int64, lo, hi int64)       { insideEach(dst, src, lo, hi) }
