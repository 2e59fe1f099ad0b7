package sqlgen

import (
	"maps"
	"slices"
	"strconv"
)

// hosts are the host's words that may stand for the catalog's.
func (r *Raw) hosts(words []string) []string {
	var out []string
	for _, host := range slices.Sorted(maps.Keys(r.Words)) {
		if slices.Contains(words, r.Words[host]) {
			out = append(out, host)
		}
	}
	for _, w := range words {
		if _, translated := r.Words[w]; !translated {
			out = append(out, w)
		}
	}
	return out
}

// numbers are hosts as literals of integers. A word that is no integer, written as
// the engine writes it, is in no column of integers.
func (r *Raw) numbers(words []string) []piece {
	var out []piece
	for _, w := range r.hosts(words) {
		if n, err := strconv.ParseInt(w, 10, 64); err == nil && strconv.FormatInt(n, 10) == w {
			out = append(out, text(w))
		}
	}
	return out
}
