//go:build !amd64 || purego

package bitmap

func packWords(dst []uint64, mask []uint8) { packEach(dst, mask) }
