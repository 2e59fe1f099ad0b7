package segment

import (
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/eval/plan"
)

// Step is one sub-type of a stage: who meets its rule, and no step before it.
type Step struct {
	Stage string // such as "loyal"
	Name  string // such as "reviewers"; unique within the stage
	Title string // for people
	Rule  string
}

// Ladder sorts every customer into exactly one stage and sub-type: that of the
// first step whose rule holds, or Rest. The order of the steps is the priority.
type Ladder struct {
	Steps []Step
	Rest  Step // who meets no step's rule; it has no rule of its own
	// Scope is the population. Defaults to members.
	Scope plan.Scope
	// Leaving is the stage of customers who left. Defaults to none.
	Leaving string
	// Order is the stages as people list them. Defaults to the order of the steps,
	// that of Rest last.
	Order []string
}

// The five life stages.
const (
	StageProspect = "prospect"
	StageNew      = "new"
	StageActive   = "active"
	StageLoyal    = "loyal"
	StageChurned  = "churned"
)

// LifeStages are Markettap's five life stages with their 23 sub-types, as rules
// over catalog.Shop(). The priority, which makes them exclusive:
//
//  1. churned, stopped: who bought and has not for 180 days is churned, whatever
//     they were before;
//  2. loyal, then active, then new, each in the order of its sub-types;
//  3. the other churned sub-types, of customers who bought: an abandoned cart makes
//     nobody churned who is loyal, active or new;
//  4. prospect; and who meets nothing is "prospect, dormant".
//
// The ladder is the caller's own: hosts change rules, windows and order.
func LifeStages() Ladder {
	bought := func(rule string) string { return "orders and (" + rule + ")" }
	return Ladder{
		Leaving: StageChurned,
		Order:   []string{StageProspect, StageNew, StageActive, StageLoyal, StageChurned},
		Rest:    Step{StageProspect, "dormant", "휴면 잠재 고객", ""},
		Steps: []Step{
			{StageChurned, "stopped", "구매 중단 고객", `orders and last(orders) not within 180d`},

			{StageLoyal, "vip", "VIP 고객", `spent(365d) in top 5% and orders(365d) in top 5%`},
			{StageLoyal, "referrers", "추천 프로그램 참여 고객", `referrals(365d)`},
			{StageLoyal, "long relation", "장기 이용 고객", `joined before 3y ago and orders(365d)`},
			{StageLoyal, "subscribers", "정기 구독 고객", `subscriptions(where active)`},
			{StageLoyal, "reviewers", "피드백 제공 고객", `reviews(180d) >= 3`},

			{StageActive, "repeat", "반복 구매 고객", `orders(90d) >= 3`},
			{StageActive, "high value", "고객 생애 가치 상위 고객", `spent in top 20% and orders in top 20%`},
			{StageActive, "event takers", "이벤트 참여 고객", `participations(90d) or coupons(90d where used is known)`},
			{StageActive, "category focus", "구매 카테고리 집중 고객", `share(items, 180d where category = "shoes") >= 60%`},

			{StageNew, "first purchase", "첫 구매 후 고객", `first(orders) within 30d`},
			{StageNew, "by promotion", "프로모션으로 유입된 고객", `first(orders.coupon) is known or participations(before first(orders))`},
			{StageNew, "social signup", "소셜 신규 가입 고객", `signup_source = "kakao" and joined within 30d`},

			{StageChurned, "cart abandoned", "장바구니 이탈 고객", bought(`cart_lines >= 1 and cart_updated before 1d ago and orders(since cart_updated) = 0`)},
			{StageChurned, "subscription lapsed", "구독 만료 고객", bought(`subscriptions(where ended) and not subscriptions(where active)`)},
			{StageChurned, "returns", "반품/환불 고객", bought(`returns(365d) >= 3 or (refunded(365d) > 0 and returns(365d) / orders(365d) >= 30%)`)},
			{StageChurned, "visited only", "방문 이탈 고객", bought(`visits(90d) and not orders(90d) and not cart(90d)`)},

			{StageProspect, "visitors", "웹사이트 방문자", `visits(30d where page = "/sale") >= 3 and orders = 0`},
			{StageProspect, "ad clickers", "광고 반응자", `ad_clicks(30d)`},
			{StageProspect, "newsletter", "이메일 구독자", `newsletter and orders = 0`},
			{StageProspect, "cart leavers", "장바구니 이탈자", `cart_lines >= 1 and orders(since cart_updated) = 0`},
			{StageProspect, "social", "소셜 미디어 상호작용자", `social(30d)`},
			{StageProspect, "free trial", "무료 체험 신청자", `trials(where not converted)`},
		},
	}
}

// Stages are the names of the stages: those of Order, then any others in the order
// of their first steps, that of Rest last.
func (l Ladder) Stages() []string {
	out := slices.Clone(l.Order)
	for _, s := range append(slices.Clone(l.Steps), l.Rest) {
		if !slices.Contains(out, s.Stage) {
			out = append(out, s.Stage)
		}
	}
	return out
}

// Definitions are the stages as dynamic groups, one a stage, whose rules hold for
// exactly the customers that the ladder sorts there. Their ids and names are the
// stages' names, which a caller may change before Create.
func (l Ladder) Definitions() []Definition {
	var out []Definition
	for _, stage := range l.Stages() {
		var parts []string
		for i := 0; i < len(l.Steps); i++ {
			if l.Steps[i].Stage != stage {
				continue
			}
			// A run of steps of one stage: any of them, and none of another stage before.
			end := i
			for end < len(l.Steps) && l.Steps[end].Stage == stage {
				end++
			}
			part := anyOf(l.Steps[i:end])
			if before := others(l.Steps[:i], stage); len(before) > 0 {
				part = "(" + part + ") and not (" + anyOf(before) + ")"
			}
			parts = append(parts, "("+part+")")
			i = end
		}
		if stage == l.Rest.Stage {
			parts = append(parts, "not ("+anyOf(l.Steps)+")")
		}
		out = append(out, Definition{ID: stage, Name: stage, Scope: l.Scope, Rule: strings.Join(parts, "\nor ")})
	}
	return out
}

func others(steps []Step, stage string) []Step {
	return slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Stage == stage })
}

func anyOf(steps []Step) string {
	rules := make([]string, len(steps))
	for i, s := range steps {
		rules[i] = "(" + s.Rule + ")"
	}
	return strings.Join(rules, "\n  or ")
}
