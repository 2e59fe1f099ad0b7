//go:build !purego

package columnar

// fetch asks the caches for elements [lo, hi) of n columns, and waits for none; n is
// not 0, nor is hi lo.
//
//go:noescape
func fetch(of *column, n, lo, hi int)
