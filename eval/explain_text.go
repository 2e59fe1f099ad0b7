package eval

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Text is the explanation for people: a line a clause, with what it looked at
// below it, indented.
func (e *Explanation) Text(lang Lang) string {
	w := explainWriter{words: wordsOf(lang), tongue: tongueOf(lang), lang: lang, zone: e.AsOf.Location()}
	answer := w.words.out
	switch {
	case !e.Exists:
		answer = w.words.nobody
	case e.Answer:
		answer = w.words.in
	}
	fmt.Fprintf(&w.b, w.words.head, string(e.Customer), answer, w.time(e.AsOf), e.AsOf.Location())
	w.b.WriteString(w.words.next(w, e.Next) + "\n")
	w.clause(e.Root, 0, false)
	return w.b.String()
}

type explainWriter struct {
	b      strings.Builder
	words  explainWords
	tongue tongue
	lang   Lang
	zone   *time.Location
}

// explainWords are what an explanation says besides the clauses.
type explainWords struct {
	head             string // customer, answer, as-of, zone
	in, out, nobody  string
	yes, no          string
	all, any, none   string
	until            string // a time
	never, others    string
	changes          string // a time
	hidden, cut      string
	records, andMore string
}

func wordsOf(lang Lang) explainWords {
	if lang == Korean {
		return explainWords{
			head: "%s: %s (%s 기준, %s)\n", in: "해당함", out: "해당하지 않음", nobody: "대상 고객이 아님",
			yes: "[예]    ", no: "[아니요]", all: "모두 충족:", any: "하나 이상 충족:", none: "다음이 아님:",
			until: " (%s에 바뀜)", never: "새 데이터가 없으면 바뀌지 않음", changes: "새 데이터가 없으면 %s에 바뀜", others: "다른 고객이나 그룹에 따라 달라짐",
			hidden: "가려짐", cut: "순위 기준값", records: "기록: ", andMore: " 외 %d건",
		}
	}
	return explainWords{
		head: "%s is %s as of %s (%s)\n", in: "in", out: "out", nobody: "not in the population",
		yes: "[yes]", no: "[no] ", all: "all of:", any: "any of:", none: "none of:",
		until: " (changes at %s)", never: "does not change without new data", changes: "changes at %s without new data", others: "depends on others",
		hidden: "hidden", cut: "the value at the edge of the rank", records: "records: ", andMore: " and %d more",
	}
}

// next is the whole's line on when it changes.
func (words explainWords) next(w explainWriter, c Change) string {
	text := words.never
	if !c.At.IsZero() {
		text = fmt.Sprintf(words.changes, w.time(c.At))
	}
	if c.Others {
		text += "; " + words.others
	}
	return text
}

func (w *explainWriter) time(t time.Time) string { return t.In(w.zone).Format(time.DateTime) }

// clause writes a clause; negated is set below a not that is folded into it.
func (w *explainWriter) clause(c *Clause, depth int, negated bool) {
	if c.Op == "not" && c.Terms[0].Op == "" {
		folded := *c.Terms[0]
		folded.Answer, folded.Next = c.Answer, c.Next
		w.clause(&folded, depth, true)
		return
	}
	mark := w.words.no
	if c.Answer {
		mark = w.words.yes
	}
	what := ""
	switch c.Op {
	case "and":
		what = w.words.all
	case "or":
		what = w.words.any
	case "not":
		what = w.words.none
	default:
		what = w.tongue.test(c.test, negated, false)
	}
	w.line(depth, mark+" "+what+w.until(c))
	for _, f := range c.Facts {
		w.fact(f, depth+2)
	}
	for _, t := range c.Terms {
		w.clause(t, depth+1, false)
	}
}

func (w *explainWriter) until(c *Clause) string {
	text := ""
	if !c.Next.At.IsZero() {
		text = fmt.Sprintf(w.words.until, w.time(c.Next.At))
	}
	switch c.test.(type) {
	case *plan.Rank, *plan.Member:
		text += " (" + w.words.others + ")"
	}
	return text
}

func (w *explainWriter) fact(f Fact, depth int) {
	name := w.words.cut
	if f.expr != nil {
		name = w.tongue.value(f.expr, false)
	}
	shown := w.words.hidden
	if !f.Hidden {
		shown = f.show(w.zone, w.lang)
	}
	text := name + " = " + shown
	if len(f.Records) > 0 {
		keys := slices.Clone(f.Records)
		text += "; " + w.words.records + strings.Join(keys, ", ")
		if more := f.Count - len(keys); more > 0 {
			text += fmt.Sprintf(w.words.andMore, more)
		}
	}
	w.line(depth, text)
}

func (w *explainWriter) line(depth int, text string) {
	w.b.WriteString(strings.Repeat("  ", depth) + text + "\n")
}
