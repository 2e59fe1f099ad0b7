package source

import (
	"strings"
	"unicode/utf8"
)

// Closest is the candidate that the word was most likely meant to be, and false
// when none is near: one edit for every three letters, a swap of neighbours
// counting as one, and letter case as none. Among equals the first wins.
func Closest(word string, candidates []string) (string, bool) {
	folded := []rune(strings.ToLower(word))
	if len(folded) > 64 {
		return "", false
	}
	best, found := len(folded)/3+1, ""
	for _, c := range candidates {
		if c == word || abs(utf8.RuneCountInString(c)-len(folded)) >= best {
			continue
		}
		if d := edits(folded, []rune(strings.ToLower(c))); d < best {
			best, found = d, c
		}
	}
	return found, found != ""
}

// edits is the number of insertions, deletions, replacements and swaps of
// neighbours that make b of a.
func edits(a, b []rune) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i, x := range a {
		row[0] = i + 1
		for j, y := range b {
			cost := 1
			if x == y {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x == b[j-1] && a[i-1] == y {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
