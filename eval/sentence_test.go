package eval_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/internal/corpus"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func compiler(t testing.TB) *compile.Compiler {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	return c
}

func compiled(t testing.TB, c *compile.Compiler, text string) *plan.Plan {
	p, ds := c.Text(text, compile.Options{})
	require.NotNil(t, p, "%s\n%v", text, ds)
	return p
}

func golden(t *testing.T, name, got string) {
	path := "testdata/" + name
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got), "rewrite with -update")
}

// Every rule of the corpus, read back in both languages.
func TestSentences(t *testing.T) {
	c := compiler(t)
	var b strings.Builder
	for _, r := range append(corpus.Rules(), corpus.Forms()...) {
		p := compiled(t, c, r.Text)
		b.WriteString(r.Text + "\n  " + eval.Sentence(p, eval.English) + "\n  " + eval.Sentence(p, eval.Korean) + "\n\n")
	}
	golden(t, "sentences.txt", b.String())
}

// Rules of different meaning are read differently: nothing of a rule is left out.
func TestSentencesAreFaithful(t *testing.T) {
	c := compiler(t)
	for _, lang := range []eval.Lang{eval.English, eval.Korean} {
		rules := map[string]string{} // by sentence
		meanings := map[string]string{}
		for _, text := range corpus.Texts() {
			p := compiled(t, c, text)
			sentence := eval.Sentence(p, lang)
			if before, ok := rules[sentence]; ok {
				require.Equal(t, meanings[before], p.Fingerprint(), "%s\n%s\nare both read\n%s", before, text, sentence)
			}
			rules[sentence], meanings[text] = text, p.Fingerprint()
		}
	}
}

// A small change of a rule that changes its meaning changes its sentence.
func TestSentencesTellSmallChanges(t *testing.T) {
	c := compiler(t)
	pairs := [][2]string{
		{"7d", "8d"}, {"30d", "30h"}, {"1mo", "1y"}, {">=", ">"}, {"<", "<="}, {" = ", " != "}, {"first(", "last("}, {"sum(", "max("}, {"min(", "max("},
		{"avg(", "sum("}, {" top ", " bottom "}, {"any (", "all ("}, {" and ", " or "}, {" within ", " not within "}, {" before ", " after "},
		{"this ", "last "}, {"days", "weeks"}, {"delivered_items", "paid_items"}, {"orders", "all_orders"}, {"items", "orders"}, {"total", "tax"},
		{"active_days", "active_weeks"}, {"distinct(", "first("}, {"2026-01-31", "2026-01-30"}, {"since ", "before "}, {"\"A\"", "\"B\""}, {"50%", "51%"},
		{" + ", " - "}, {"2 * ", "3 * "}, {"order.", ""}, {"customer.", ""}, {"today", "yesterday"}, {"starts with", "ends with"}, {"is known", "is not known"},
		{"next ", ""}, {"30_000", "30_001"}, {"7 full", "7"}, {"where not ", "where "}, {" / ", " - "},
	}
	ofOne := regexp.MustCompile(`contains all \([^,]*\)`)
	for i, text := range corpus.Texts() {
		if i%8 > 0 && !*soak {
			continue
		}
		p := compiled(t, c, text)
		for _, pair := range pairs {
			other := strings.Replace(text, pair[0], pair[1], 1)
			q, _ := c.Text(other, compile.Options{})
			if ofOne.MatchString(other) {
				continue // any and all of one item are the same
			}
			if other == text || q == nil || q.Fingerprint() == p.Fingerprint() {
				continue
			}
			for _, lang := range []eval.Lang{eval.English, eval.Korean} {
				require.NotEqual(t, eval.Sentence(p, lang), eval.Sentence(q, lang), "%s\n%s", text, other)
			}
		}
	}
}
