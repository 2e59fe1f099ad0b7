package eval

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/plan"
)

type korean struct{}

func (korean) whole(scope plan.Scope, what string) string {
	who := map[plan.Scope]string{plan.Guests: "비회원", plan.Both: "회원과 비회원"}[scope]
	if who == "" {
		who = "회원"
	}
	return "다음에 해당하는 " + who + ": " + what + "."
}

func (korean) and(terms []string) string { return strings.Join(terms, ", 그리고 ") }
func (korean) or(terms []string) string  { return strings.Join(terms, " 또는 ") }
func (korean) not(what string) string    { return "다음에 해당하지 않음: " + what }

// subject adds the particle that marks a subject: 이 after a final consonant, 가
// after a vowel, by what stands before a last pair of parentheses.
func subject(text string) string {
	stem := text
	if strings.HasSuffix(stem, ")") {
		if i := strings.LastIndex(stem, " ("); i > 0 {
			stem = stem[:i]
		}
	}
	last := []rune(stem)[len([]rune(stem))-1]
	switch {
	case last >= '가' && last <= '힣':
		if (last-'가')%28 != 0 {
			return text + "이"
		}
		return text + "가"
	case strings.ContainsRune("013678", last):
		return text + "이"
	case strings.ContainsRune("2459", last):
		return text + "가"
	}
	return text + "이(가)"
}

func (k korean) test(t plan.Test, negated, record bool) string {
	does := func(yes, no string) string {
		if negated {
			return no
		}
		return yes
	}
	unknown := func(x plan.Expr) string {
		if negated && mayMiss(x) {
			return " (알 수 없는 경우 포함)"
		}
		return ""
	}
	switch n := t.(type) {
	case *plan.Const:
		if n.Value != negated {
			return "항상 참"
		}
		return "항상 거짓"
	case *plan.Compare:
		return k.compare(n, negated, unknown(n.L), record)
	case *plan.Same:
		return fmt.Sprintf("%s %s%s", subject(k.value(n.L, record)), k.value(n.R, record)+does("와 같음", "와 같지 않음"), unknown(n.L))
	case *plan.OneOf:
		return subject(k.value(n.X, record)) + " " + k.list(n) + does("", " 아님") + unknown(n.X)
	case *plan.Has:
		between, all := " 또는 ", ""
		if n.All && len(n.Items) > 1 {
			between, all = ", ", " 모두"
		}
		return fmt.Sprintf("%s에 %s%s %s", k.value(n.X, record), quoteAll(n.Items, between), all, does("포함", "포함하지 않음"))
	case *plan.Like:
		verb := map[plan.LikeForm][2]string{
			plan.Prefix: {"(으)로 시작함", "(으)로 시작하지 않음"}, plan.Suffix: {"(으)로 끝남", "(으)로 끝나지 않음"}, plan.Infix: {" 포함", " 포함하지 않음"},
		}[n.Form]
		return fmt.Sprintf("%s %q%s%s", subject(k.value(n.X, record)), n.Text, does(verb[0], verb[1]), unknown(n.X))
	case *plan.Truth:
		return subject(k.value(n.X, record)) + " " + does("'예'", "'예'가 아님") + unknown(n.X)
	case *plan.During:
		return subject(k.value(n.X, record)) + " " + k.window(n.Window, record) + does("", " 아님") + unknown(n.X)
	case *plan.Recurs:
		return k.value(n.X, record) + "의 기념일이 " + k.window(n.Window, record) + does("", " 아님") + unknown(n.X)
	case *plan.Known:
		return k.value(n.X, record) + " 정보 " + does("있음", "없음")
	case *plan.Member:
		return fmt.Sprintf("그룹 %q에 %s", n.Group, does("속함", "속하지 않음"))
	case *plan.Rank:
		side := "상위"
		if n.Bottom {
			side = "하위"
		}
		part := rankPart(n)
		if !n.Percent {
			part += "명"
		}
		return fmt.Sprintf("%s 순위가 전체 중 %s %s%s", k.value(n.X, record), side, part, does("", " 아님"))
	case *plan.Sample:
		return fmt.Sprintf("표본 %q %s에 %s", n.Key, samplePart(n), does("속함", "속하지 않음"))
	}
	return fmt.Sprintf("알 수 없는 조건(%T)", t)
}

func (k korean) compare(n *plan.Compare, negated bool, unknown string, record bool) string {
	if a, want, ok := counted(n); ok {
		if want != negated {
			return k.records(a) + " 있음"
		}
		return k.records(a) + " 없음"
	}
	op := map[plan.CompareOp]string{plan.Equal: "", plan.Less: " 미만", plan.AtMost: " 이하", plan.More: " 초과", plan.AtLeast: " 이상"}[n.Op]
	text := subject(k.value(n.L, record)) + " " + compared(n, k, record) + op
	if negated {
		text += " 아님"
	}
	return text + unknown
}

func (k korean) list(n *plan.OneOf) string {
	out := make([]string, len(n.Values))
	for i, v := range n.Values {
		out[i] = display(valueOf(v), n.X.Type(), time.UTC, Korean)
	}
	return strings.Join(out, " 또는 ")
}

func (k korean) value(x plan.Expr, record bool) string {
	switch n := x.(type) {
	case *plan.Literal:
		return display(valueOf(n.Value), n.Of, time.UTC, Korean)
	case *plan.Attr:
		if record {
			return "고객의 " + koreanName(n.Name)
		}
		return koreanName(n.Name)
	case *plan.Field:
		switch {
		case n.Name == "":
			return koreanKind(n.Kind)
		case n.Up > 0:
			return koreanKind(n.Kind) + "의 " + koreanName(n.Name)
		}
		return koreanName(n.Name)
	case *plan.Arith:
		return k.operand(n.L, record) + " " + string(n.Op) + " " + k.operand(n.R, record)
	case *plan.Times:
		factor, of := scaled(n)
		return k.times(factor, k.operand(of, record))
	case *plan.Product:
		return k.operand(n.X, record) + " × " + k.operand(n.Y, record)
	case *plan.Quotient:
		return k.quotient(n, record)
	case *plan.Aggregate:
		return k.aggregate(n)
	}
	return fmt.Sprintf("알 수 없는 값(%T)", x)
}

func (k korean) times(factor *big.Rat, of string) string {
	if factor.Cmp(one) == 0 {
		return of
	}
	return of + "의 " + displayNumber(factor, catalog.Type{Sort: catalog.Number}, "약 ") + "배"
}

func (k korean) operand(x plan.Expr, record bool) string {
	switch x.(type) {
	case *plan.Arith, *plan.Product:
		return "(" + k.value(x, record) + ")"
	}
	return k.value(x, record)
}

func (k korean) quotient(n *plan.Quotient, record bool) string {
	factor, a, b := ratio(n)
	top, _ := a.(*plan.Aggregate)
	switch {
	case n.Form == plan.Average && top != nil && top.Of != nil:
		return k.times(factor, k.named(top, "평균 "+k.value(top.Of, true)))
	case n.Form == plan.Share:
		return k.times(factor, "{"+k.value(b, record)+"} 중 {"+k.value(a, record)+"}의 비율")
	}
	return k.times(factor, k.operand(a, record)+" ÷ "+k.operand(b, record))
}

func (k korean) aggregate(n *plan.Aggregate) string {
	of := ""
	if n.Of != nil {
		of = k.value(n.Of, true)
	}
	switch n.Fn {
	case plan.Count:
		return k.named(n, "수")
	case plan.Sum:
		return k.named(n, of+" 총합")
	case plan.Min:
		return k.named(n, "가장 작은 "+of)
	case plan.Max:
		return k.named(n, "가장 큰 "+of)
	case plan.First, plan.Last:
		noun, _ := nounOf(n)
		which := "첫 " + noun.ko
		if n.Fn == plan.Last {
			which = "마지막 " + noun.ko
		}
		if !isMoment(n) {
			which += "의 " + of
		}
		return which + k.details(n)
	case plan.Distinct:
		return k.named(n, "중 서로 다른 "+of+" 수")
	case plan.ActiveDays:
		return k.named(n, "있는 날 수")
	case plan.ActiveWeeks:
		return k.named(n, "있는 주 수")
	case plan.ActiveMonths:
		return k.named(n, "있는 달 수")
	}
	return k.named(n, string(n.Fn))
}

// named is something about the records that an aggregate selects.
func (k korean) named(a *plan.Aggregate, what string) string {
	noun, _ := nounOf(a)
	return noun.ko + " " + what + k.details(a)
}

func (k korean) records(a *plan.Aggregate) string {
	noun, _ := nounOf(a)
	return noun.ko + k.details(a)
}

// details are the window and filter of an aggregate, in parentheses.
func (k korean) details(a *plan.Aggregate) string {
	var parts []string
	windowed := a.Stamp != nil && formOf(a.Window) != spanAlways
	switch stamp := stampOf(a); {
	case stamp != nil && windowed:
		parts = append(parts, subject(k.value(stamp, true))+" "+k.window(a.Window, false))
	case stamp != nil:
		parts = append(parts, k.value(stamp, true)+" 기준")
	case windowed:
		parts = append(parts, k.window(a.Window, false))
	}
	if _, filter := nounOf(a); len(filter) > 0 {
		terms := make([]string, len(filter))
		for i, t := range filter {
			terms[i] = phrase(k, t, true, len(filter) > 1)
		}
		parts = append(parts, k.and(terms))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

var koreanUnits = map[plan.Unit]string{
	plan.Minute: "분", plan.Hour: "시간", plan.Days: "일", plan.Week: "주", plan.Month: "개월", plan.Quarter: "분기", plan.Year: "년",
}

func (k korean) length(n int, u plan.Unit) string { return strconv.Itoa(n) + koreanUnits[u] }

func (k korean) window(w plan.Window, record bool) string {
	n, unit := units(w)
	switch formOf(w) {
	case spanAlways:
		return "전체 기간"
	case spanLast:
		return "최근 " + k.length(n, unit) + " 이내"
	case spanNext:
		return "앞으로 " + k.length(n, unit) + " 이내"
	case spanLastFull:
		return "직전의 온전한 " + k.length(n, unit)
	case spanNextFull:
		return "다음부터 온전한 " + k.length(n, unit)
	case spanThis, spanPrevious:
		return k.period(w.From)
	case spanDay:
		return catalog.DateValue(w.From.At).String() + " 당일"
	case spanDays:
		return catalog.DateValue(w.From.At).String() + "부터 " + catalog.DateValue(w.To.At-1).String() + "까지"
	case spanBefore:
		return k.bound(w.To, record) + " 이전"
	case spanSince:
		return k.bound(w.From, record) + "부터"
	case spanAfter:
		return k.bound(w.From, record) + " 이후"
	case spanSinceToNow:
		return k.bound(w.From, record) + "부터 지금까지"
	}
	return k.bound(w.From, record) + "부터 " + k.bound(w.To, record) + " 전까지"
}

func (k korean) bound(b plan.Bound, record bool) string {
	switch b.Kind {
	case plan.Now:
		return "지금"
	case plan.Back:
		if b.N < 0 {
			return k.length(-b.N, b.Unit) + " 후"
		}
		return k.length(b.N, b.Unit) + " 전"
	case plan.Period:
		return k.period(b) + "의 시작"
	case plan.Day:
		return catalog.DateValue(b.At).String()
	case plan.Instant:
		return displayInstant(b.At, time.UTC) + " UTC"
	case plan.Moment:
		return k.value(b.Moment, record)
	}
	return "언제든지"
}

func (k korean) period(b plan.Bound) string {
	near := map[plan.Unit][3]string{
		plan.Days: {"어제", "오늘", "내일"}, plan.Week: {"지난주", "이번 주", "다음 주"}, plan.Month: {"지난달", "이번 달", "다음 달"},
		plan.Quarter: {"지난 분기", "이번 분기", "다음 분기"}, plan.Year: {"지난해", "올해", "내년"},
	}[b.Unit]
	switch {
	case b.N >= -1 && b.N <= 1 && near[1] != "":
		return near[b.N+1]
	case b.N < 0:
		return k.length(-b.N, b.Unit) + " 전"
	}
	return k.length(b.N, b.Unit) + " 뒤"
}
