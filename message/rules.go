package message

import (
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/internal/civil"
)

// RuleKind is what a rule of law asks for.
type RuleKind string

const (
	// RuleConsent: without the customer's prior consent for the purpose nothing is sent.
	RuleConsent RuleKind = "consent"
	// RuleQuiet: between From and To of the customer's local time nothing is sent,
	// unless the customer agreed to the purpose Unless.
	RuleQuiet RuleKind = "quiet hours"
	// RuleLabel: the message starts with Text.
	RuleLabel RuleKind = "label"
	// RuleFooter: the message ends with the sender and a free way to opt out.
	RuleFooter RuleKind = "sender and opt-out"
	// RuleNotice: the customer is told the result of a consent or a refusal within Days.
	RuleNotice RuleKind = "result notice"
	// RuleReconfirm: a consent is to be confirmed again every Days.
	RuleReconfirm RuleKind = "re-confirmation"
	// RuleForbidden: the channel does not carry the purpose.
	RuleForbidden RuleKind = "forbidden"
)

// Rule is one line of law or of a provider's terms, as data. The library evaluates
// rules and says which on what input; it gives no legal advice.
type Rule struct {
	ID       string    // stored with every verdict
	Country  string    // ISO 3166 code
	Kind     RuleKind  //
	Purpose  Purpose   // which messages it is about
	Channels []Channel // only these. Defaults to all
	Except   []Channel // but not these
	Since    string    // first local day in force. Defaults to always
	Before   string    // first local day no longer in force. Defaults to none
	Source   string    // where it is written

	From, To string // RuleQuiet: local times such as "21:00" and "08:00"; To itself is allowed again
	Unless   string // RuleQuiet: the consent that lifts it
	Text     string // RuleLabel: the label
	Days     int    // RuleNotice, RuleReconfirm
}

// Rules are the rules of all countries that are known. A country without any rule
// is not a free country: advertising to it is dropped, until its rules are added.
type Rules struct {
	Rules []Rule
	Zones map[string]string // a country's zone, for contacts without one
}

// KoreaRules are the rules for advertising in Korea: article 50 of the Act on
// Promotion of Information and Communications Network Utilization, its decree, and
// Kakao's hours for brand messages.
func KoreaRules() Rules {
	const act, decree = "정보통신망법 제50조", "정보통신망법 시행령"
	return Rules{
		Zones: map[string]string{"KR": "Asia/Seoul"},
		Rules: []Rule{
			{ID: "kr.consent", Country: "KR", Kind: RuleConsent, Purpose: Advertising, Since: "2014-11-29", Source: act + " 제1항"},
			{ID: "kr.night", Country: "KR", Kind: RuleQuiet, Purpose: Advertising, From: "21:00", To: "08:00", Unless: PurposeNight,
				Except: []Channel{Email}, Since: "2014-11-29", Source: act + " 제3항, " + decree + " 제61조"},
			{ID: "kr.kakao.hours", Country: "KR", Kind: RuleQuiet, Purpose: Advertising, From: "20:50", To: "08:00",
				Channels: []Channel{KakaoBrand}, Source: "카카오 브랜드 메시지 운영 정책"},
			{ID: "kr.alimtalk", Country: "KR", Kind: RuleForbidden, Purpose: Advertising, Channels: []Channel{Alimtalk}, Source: "카카오 알림톡 운영 정책"},
			{ID: "kr.label", Country: "KR", Kind: RuleLabel, Purpose: Advertising, Text: "(광고)", Since: "2014-11-29", Source: act + " 제4항, " + decree + " 별표 6"},
			{ID: "kr.footer", Country: "KR", Kind: RuleFooter, Purpose: Advertising, Since: "2014-11-29", Source: act + " 제4항, " + decree + " 별표 6"},
			{ID: "kr.result", Country: "KR", Kind: RuleNotice, Purpose: Advertising, Days: 14, Since: "2014-11-29", Source: act + " 제7항, " + decree + " 제62조의2"},
			{ID: "kr.reconfirm", Country: "KR", Kind: RuleReconfirm, Purpose: Advertising, Days: 730, Since: "2014-11-29", Source: act + " 제8항, " + decree + " 제62조의3"},
		},
	}
}

func (r Rules) withDefaults() Rules {
	if len(r.Rules) == 0 {
		return KoreaRules()
	}
	return r
}

func (r Rules) validate() error {
	for _, rule := range r.Rules {
		if rule.ID == "" || rule.Country == "" {
			return fmt.Errorf("message: a rule without id or country")
		}
		for _, day := range []string{rule.Since, rule.Before} {
			if _, err := time.Parse(dateForm, day); day != "" && err != nil {
				return fmt.Errorf("message: rule %s: %q is not a date", rule.ID, day)
			}
		}
		if rule.Kind == RuleQuiet {
			if _, err := clock(rule.From); err != nil {
				return fmt.Errorf("message: rule %s: %w", rule.ID, err)
			}
			if _, err := clock(rule.To); err != nil {
				return fmt.Errorf("message: rule %s: %w", rule.ID, err)
			}
		}
	}
	for country, zone := range r.Zones {
		if _, err := loadZone(zone); err != nil || zone == "" {
			return fmt.Errorf("message: the zone %q of %s is unknown", zone, country)
		}
	}
	return nil
}

// known tells whether the country has rules at all.
func (r Rules) known(country string) bool {
	return slices.ContainsFunc(r.Rules, func(rule Rule) bool { return rule.Country == country })
}

// inForce are the rules for a message on the local day of now.
func (r Rules) inForce(country string, p Purpose, ch Channel, now time.Time, loc *time.Location) []Rule {
	today := now.In(loc).Format(dateForm)
	var out []Rule
	for _, rule := range r.Rules {
		if rule.Country != country || rule.Purpose != p || rule.Since > today || rule.Before != "" && rule.Before <= today {
			continue
		}
		if len(rule.Channels) > 0 && !slices.Contains(rule.Channels, ch) || slices.Contains(rule.Except, ch) {
			continue
		}
		out = append(out, rule)
	}
	return out
}

func clock(text string) (civil.Time, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return civil.Time{}, fmt.Errorf("%q is not a time of day such as 21:00", text)
	}
	return civil.Time{Hour: t.Hour(), Min: t.Minute()}, nil
}

// quiet tells whether the rule's hours hold at now, and when that changes next. The
// hours are those of the local clock, also on the day of a clock change.
func (r Rule) quiet(now time.Time, loc *time.Location) (holds bool, change time.Time) {
	from, _ := clock(r.From) // validated
	to, _ := clock(r.To)
	day := civil.Of(now, loc).StartOfDay()
	for back := -1; ; back++ {
		start := day.AddDays(back)
		end := start
		start.Hour, start.Min = from.Hour, from.Min
		end.Hour, end.Min = to.Hour, to.Min
		if !before(start, end) {
			end = end.AddDays(1)
		}
		starts, ends := start.In(loc).UTC(), end.In(loc).UTC()
		if now.Before(starts) {
			return false, starts
		}
		if now.Before(ends) {
			return true, ends
		}
	}
}
