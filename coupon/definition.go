package coupon

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
)

// Kind tells how a definition reaches a cart.
type Kind string

const (
	KindCoupon    Kind = "coupon"    // through grants: wallet entries and codes. The default
	KindPromotion Kind = "promotion" // by itself, when Quote meets a cart it is for
)

// Definition is what a coupon or promotion promises. A saved definition is a new
// immutable version: a grant keeps the version it was issued under, while a shared
// code, limits and stops always follow the newest. The zero value of every field
// but ID, Currency and Discount means "no restriction".
//
// All amounts are in minor units of Currency.
type Definition struct {
	ID      string // the host's key: 1 to 64 bytes, no /
	Version int64  // set by Save; give the one that was read when saving an edit
	Name    string // shown to customers
	Kind    Kind   // Defaults to KindCoupon

	Currency dangol.Currency // Defaults to the service's
	Zone     string          // IANA name; days, months and periods are read in it. Defaults to the service's. Final

	Discount Discount
	Minimum  Minimum
	Targets  Targets  // which lines it applies to. Defaults to all
	Channels []string // in which sales channels. Defaults to all
	Stores   []string // in which stores. Defaults to all
	Validity Validity

	// Limits bound uses, IssueLimits how many grants customers get, by issue or
	// claim. A limit added or removed later counts what happened before, too.
	Limits      []Limit
	IssueLimits []Limit

	// Audience is the groups whose members it is for; being in one is enough. It
	// is asked when a coupon becomes a customer's, by issue or claim, and at use
	// for codes that are nobody's and for promotions. Defaults to everybody.
	Audience []string

	Automatic Automatic // when to issue by itself. Defaults to never
	Restore   Restore
	Stacking  Stacking

	Campaign string // under which Results also sums up

	Stops Stops `json:"-"` // as they are now, whatever the version; set by Stop, not by Save
}

// Stops are an operator's emergency brakes. They act at once on all versions.
type Stops struct {
	Issuing bool // no issue, no claim
	Using   bool // no reservation; what is reserved may still be committed
}

// Discount is an amount or a percentage off. Exactly one of Amount and Rate is set.
type Discount struct {
	Amount int64 // off the targets together
	Rate   int64 // in hundredths of a percent of the targets: 1000 is 10 %
	Max    int64 // a rate gives no more than this. Defaults to no maximum
	Unit   int64 // a rate's result is floored to a multiple of it, such as 10 or 100. Defaults to 1
	// Shipping takes it off the shipping fee instead of the goods.
	Shipping bool
}

// AmountOff takes a fixed amount off, in minor units.
func AmountOff(minor int64) Discount { return Discount{Amount: minor} }

// PercentOff takes a whole percentage off.
func PercentOff(percent int64) Discount { return Discount{Rate: percent * 100} }

// FreeShipping takes the whole shipping fee off.
func FreeShipping() Discount { return Discount{Rate: 10000, Shipping: true} }

// Minimum is the least that an order must come to, before any coupon and after
// the discounts that its lines already have.
type Minimum struct {
	Amount int64
	// OfTargets counts the lines that the coupon applies to. Defaults to all lines.
	OfTargets bool
}

// Targets select lines. A line is in when it matches Products or Categories (or
// both are empty) and matches neither exclusion.
type Targets struct {
	Products, Categories       []string
	NotProducts, NotCategories []string
}

func (t Targets) match(l Line) bool {
	in := func(cats []string) bool {
		return slices.ContainsFunc(l.Categories, func(c string) bool { return slices.Contains(cats, c) })
	}
	if slices.Contains(t.NotProducts, l.Product) || len(t.NotCategories) > 0 && in(t.NotCategories) {
		return false
	}
	if len(t.Products) == 0 && len(t.Categories) == 0 {
		return true
	}
	return slices.Contains(t.Products, l.Product) || len(t.Categories) > 0 && in(t.Categories)
}

// Limit bounds uses, or discount money, or both. It counts over the life of the
// definition, unless Customer or Period divide the count.
type Limit struct {
	Uses     int64  // at most so many. 0 is no bound
	Amount   int64  // at most so much discount together. 0 is no bound
	Customer bool   // counted for each customer, on whatever codes they come
	Period   Period // counted for each local day, week, month or year. Defaults to all time
}

// Period is a calendar period in the definition's zone.
type Period string

const (
	Day   Period = "day"
	Week  Period = "week" // starts on Monday
	Month Period = "month"
	Year  Period = "year"
)

// Automatic issue. The host tells the service what happened (IssueEntered,
// IssueOn); a definition takes part when it names it here.
type Automatic struct {
	Group string // on entering this group
	Event string // on this event, in the host's words: "joined", "birthday"
}

// Restore says when a used coupon comes back.
type Restore struct {
	When RestoreWhen // Defaults to OnFullCancel
	// GraceDays gives a coupon that has expired in the meantime so many more
	// days. Defaults to 0: it comes back expired.
	GraceDays int
}

// RestoreWhen names what gives a coupon back.
type RestoreWhen string

const (
	OnNothing            RestoreWhen = "never"
	OnFullCancel         RestoreWhen = "full-cancel" // the default
	OnFullCancelOrReturn RestoreWhen = "full-cancel-or-return"
	OnAnyReturn          RestoreWhen = "any-return" // and any cancel, partial ones too
)

// Stacking says how coupons share a cart. Of one definition a cart takes one.
type Stacking struct {
	Group     string // of the coupons of a group, one wins
	Exclusive bool   // nothing else stands beside it, promotions neither
	Priority  int    // higher goes first; among equals the larger discount
}

// Limits of a definition's own size.
const (
	maxIDBytes = 64
	maxMoney   = 1_000_000_000_000_000 // minor units: sums of a cart stay far from 2^63
	maxDays    = 36_500
	maxRate    = 10_000
)

func (d Definition) withDefaults(c Config) Definition {
	if d.Kind == "" {
		d.Kind = KindCoupon
	}
	if d.Currency == "" {
		d.Currency = c.Currency
	}
	if d.Zone == "" {
		d.Zone = c.Zone.String()
	}
	if d.Discount.Unit == 0 {
		d.Discount.Unit = 1
	}
	if d.Restore.When == "" {
		d.Restore.When = OnFullCancel
	}
	if d.Validity.Convention == "" {
		d.Validity.Convention = DaysAfterIssue
	}
	return d
}

// validate lists every broken rule.
func (d Definition) validate() error {
	var errs []error
	rule := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	money := func(name string, n int64) {
		rule(n >= 0 && n <= maxMoney, "%s must be between 0 and %d", name, int64(maxMoney))
	}
	rule(d.ID != "" && len(d.ID) <= maxIDBytes && !strings.Contains(d.ID, "/"), "ID must have 1 to %d bytes and no /", maxIDBytes)
	rule(d.Name != "", "Name must not be empty")
	rule(d.Kind == KindCoupon || d.Kind == KindPromotion, "Kind %q is unknown", d.Kind)
	_, known := d.Currency.Digits()
	rule(known, "Currency %q is not in ISO 4217", d.Currency)
	_, err := time.LoadLocation(d.Zone)
	rule(err == nil && d.Zone != "Local", "Zone %q is unknown", d.Zone)

	rule(checkLabels(d.Campaign, d.Automatic.Group, d.Automatic.Event) == nil, "Campaign and Automatic must have at most %d bytes each", maxKeyBytes)

	money("Discount.Amount", d.Discount.Amount)
	money("Discount.Max", d.Discount.Max)
	rule((d.Discount.Amount > 0) != (d.Discount.Rate > 0), "Discount needs an Amount or a Rate, and not both")
	rule(d.Discount.Rate >= 0 && d.Discount.Rate <= maxRate, "Discount.Rate must be at most %d (100 %%)", maxRate)
	rule(d.Discount.Unit >= 1 && d.Discount.Unit <= maxMoney, "Discount.Unit must be positive")
	rule(d.Discount.Rate > 0 || d.Discount.Max == 0 && d.Discount.Unit == 1, "Discount.Max and Unit belong to a Rate")
	money("Minimum.Amount", d.Minimum.Amount)
	errs = append(errs, d.Validity.validate()...)

	for _, set := range []struct {
		name   string
		limits []Limit
	}{{"Limits", d.Limits}, {"IssueLimits", d.IssueLimits}} {
		for _, l := range set.limits {
			rule(l.Uses > 0 || l.Amount > 0, "%s: a limit needs Uses or Amount", set.name)
			rule(l.Uses >= 0, "%s: Uses must not be negative", set.name)
			money(set.name+": Amount", l.Amount)
			rule(l.Period == "" || l.Period.known(), "%s: Period %q is unknown", set.name, l.Period)
		}
	}
	for _, l := range d.IssueLimits {
		rule(l.Amount == 0, "IssueLimits count grants, not money")
	}
	rule(slices.Contains([]RestoreWhen{OnNothing, OnFullCancel, OnFullCancelOrReturn, OnAnyReturn}, d.Restore.When),
		"Restore.When %q is unknown", d.Restore.When)
	rule(d.Restore.GraceDays >= 0 && d.Restore.GraceDays <= maxDays, "Restore.GraceDays must be between 0 and %d", maxDays)
	if d.Kind == KindPromotion {
		rule(d.Automatic == Automatic{}, "a promotion is not issued, so Automatic must be empty")
		rule(len(d.IssueLimits) == 0, "a promotion is not issued, so IssueLimits must be empty")
		rule(!d.Validity.relative(), "a promotion is not issued, so Validity cannot count from the issue")
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w", ErrDefinition, errors.Join(errs...))
	}
	return nil
}

// location is the definition's zone, which validate has seen to exist. A machine
// that has lost its zone data since is an error, not another zone.
func (d Definition) location() (*time.Location, error) {
	if loc, ok := zones.Load(d.Zone); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(d.Zone)
	if err != nil {
		return nil, fmt.Errorf("coupon: zone of %s: %w", d.ID, err)
	}
	zones.Store(d.Zone, loc)
	return loc, nil
}

// zones keeps what LoadLocation reads from disk each time. Definitions are saved
// with zones that exist, so it is as small as the list of zones.
var zones sync.Map
