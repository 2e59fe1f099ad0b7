//go:build !amd64 || purego

package columnar

import "unsafe"

// fetch reads a little of elements [lo, hi) of n columns.
func fetch(of *column, n, lo, hi int) {
	for _, c := range unsafe.Slice(of, n) {
		touch((*uint8)(unsafe.Add(c.base, lo<<c.shift)))
		touch((*uint8)(unsafe.Add(c.base, (hi-1)<<c.shift)))
	}
}

// touch is not inlined, lest the read be left out.
//
//go:noinline
func touch(p *uint8) uint8 { return *p }
