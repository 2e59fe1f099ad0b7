package segment

import "fmt"

// Thresholds are the shares of all customers, in percent, from which Advise speaks.
// A zero field takes its default; a negative one is silent.
type Thresholds struct {
	Prospect int // Defaults to 50
	New      int // Defaults to 30
	Churned  int // Defaults to 40
	Loyal    int // below this share, with at least one active customer. Defaults to 5
}

func (t Thresholds) withDefaults() Thresholds {
	for _, f := range []struct {
		field *int
		value int
	}{{&t.Prospect, 50}, {&t.New, 30}, {&t.Churned, 40}, {&t.Loyal, 5}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return t
}

// Advice is one thing that the shares of the life stages suggest.
type Advice struct {
	Stage     string
	Count     int // customers in the stage
	All       int
	Threshold int // percent that was crossed
	Text      string
	Recipe    string // the one-step campaign that answers it
}

// Advise reads the shares of the life stages at the last point of a timeline over
// LifeStages, or any ladder with stages of those names. Shares are compared
// exactly: 50 percent of 3 customers is not reached by one.
func (t *Timeline) Advise(th Thresholds) []Advice {
	th = th.withDefaults()
	shares := t.Shares()
	last := shares[len(shares)-1]
	count := map[string]int{}
	for i, stage := range t.Stages {
		count[stage] = last.Stages[i]
	}
	var out []Advice
	say := func(stage string, threshold int, crossed bool, text, recipe string) {
		if threshold > 0 && last.All > 0 && crossed {
			out = append(out, Advice{stage, count[stage], last.All, threshold,
				fmt.Sprintf("%d of %d customers are %s: %s", count[stage], last.All, stage, text), recipe})
		}
	}
	above := func(stage string, percent int) bool { return 100*count[stage] >= percent*last.All }
	say(StageProspect, th.Prospect, above(StageProspect, th.Prospect),
		"too many look around and do not buy; lead them to an order", "product introduction by e-mail")
	say(StageNew, th.New, above(StageNew, th.New),
		"too many bought once only lately; win their second order before they forget the shop", "first purchase follow-up with a coupon")
	say(StageChurned, th.Churned, above(StageChurned, th.Churned),
		"too many stopped buying; win them back", "win-back coupon")
	say(StageLoyal, th.Loyal, count[StageActive] > 0 && !above(StageLoyal, th.Loyal),
		"few of the active become loyal; reward the best of them", "benefits for the highest value customers")
	return out
}
