package corpus

import (
	_ "embed"
	"strings"
)

//go:embed kept.txt
var kept string

// Kept is about a thousand rules over catalog.Shop() that were made up once, all
// of different meaning and each on one line. The slice is the caller's own.
func Kept() []string {
	var out []string
	for line := range strings.Lines(kept) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// Texts is the text of every rule of the package, each once: the corpus that
// fuzzers start from.
func Texts() []string {
	var out []string
	seen := map[string]bool{}
	for _, text := range append(append(texts(Rules()), texts(Forms())...), append(Kept(), Measured)...) {
		if !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}

func texts(rules []Rule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.Text
	}
	return out
}
