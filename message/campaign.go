package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Channel is a way to reach a customer. The set is open: a host that has a Sender for
// another channel names it as it likes.
type Channel string

const (
	KakaoBrand Channel = "kakao_brand" // Kakao brand message, the successor of friendtalk
	Alimtalk   Channel = "alimtalk"    // Kakao notices by approved template, informational only
	SMS        Channel = "sms"         // at most 90 bytes
	LMS        Channel = "lms"         // at most 2,000 bytes
	Email      Channel = "email"
	Push       Channel = "push"
	Webhook    Channel = "webhook"
)

// Purpose is what a message is for, which decides the law that it falls under.
type Purpose string

const (
	Advertising   Purpose = "advertising"
	Informational Purpose = "informational"
)

// State is where a campaign stands.
type State string

const (
	Draft     State = "draft"     // saved, holds no group
	Scheduled State = "scheduled" // its groups are held; nothing was sent yet
	Running   State = "running"   // an occurrence has started
	Paused    State = "paused"    // nothing is planned or submitted
	Cancelled State = "cancelled" // nothing will ever be submitted again
	Done      State = "done"      // every occurrence is over and no further one will come
)

// Campaign is a message to groups of customers, once or again and again.
type Campaign struct {
	ID   string `json:"id"`   // the host's key, 1 to 64 bytes
	Name string `json:"name"` // for operators; customers never see it

	Purpose  Purpose   `json:"purpose"`            // Defaults to Advertising
	Country  string    `json:"country,omitempty"`  // whose rules apply to contacts without a country. Defaults to Config.Country
	Groups   []string  `json:"groups,omitempty"`   // who gets it: members of any of these groups
	Except   []string  `json:"except,omitempty"`   // but no members of these
	Schedule Schedule  `json:"schedule,omitzero"`  // when; not with Trigger
	Trigger  *Trigger  `json:"trigger,omitempty"`  // what makes it start for one customer instead
	Contents []Content `json:"contents"`           // the first is sent; the next ones when it definitely failed
	Variants []Variant `json:"variants,omitempty"` // A/B: parts of the audience that get other contents

	// AllowDuplicates lets a customer get the campaign again in a later occurrence.
	// Defaults to once in the campaign's life.
	AllowDuplicates bool `json:"allowDuplicates,omitempty"`
	// Holdout is the part of the audience that gets nothing and is compared with the
	// rest, in hundredths of a percent. Defaults to none.
	Holdout int `json:"holdout,omitempty"`
	// Recheck drops a customer who has left the groups between the start of the
	// occurrence and the submit. Defaults to trusting the frozen audience.
	Recheck bool `json:"recheck,omitempty"`
	// CatchUp says which missed occurrences run after downtime. Defaults to CatchUpLatest.
	CatchUp CatchUp `json:"catchUp,omitempty"`
	// Lateness bounds how late an occurrence may start and a message be submitted after
	// it was due. Defaults to an hour for advertising and a day else; negative is no bound.
	Lateness time.Duration `json:"lateness,omitempty"`
	// Overlap says what happens when the occurrence before is still running.
	// Defaults to OverlapSkip.
	Overlap Overlap `json:"whileRunning,omitempty"`
	// Credit says what happens when the credits do not cover all. Defaults to CreditAll.
	Credit CreditPolicy `json:"credit,omitempty"`
	// AllowLMS sends content of channel sms that is too long for it as lms. Defaults
	// to refusing it.
	AllowLMS bool `json:"allowLMS,omitempty"`

	// The rest is the service's own and ignored on Save.

	State    State  `json:"-"`
	Reason   string `json:"-"` // why it stands there, when that is no plain success
	Revision int    `json:"-"` // grows with each edit
}

// Content is what is sent on one channel. Text, Subject, HTML and the coupon's texts
// are templates over the contact's variables, such as {{.name}} or #{name}.
type Content struct {
	Channel Channel      `json:"channel"`
	Subject string       `json:"subject,omitempty"` // e-mail, LMS and push
	Text    string       `json:"text"`
	HTML    string       `json:"html,omitempty"`  // e-mail; variables are escaped for where they stand
	Image   string       `json:"image,omitempty"` // the provider's reference or a URL
	Buttons []Button     `json:"buttons,omitempty"`
	Coupon  *CouponBlock `json:"coupon,omitempty"`
	// Template is the provider's approved template, for alimtalk.
	Template string `json:"template,omitempty"`
}

// Button opens a URL.
type Button struct {
	Label string `json:"label"`
	URL   string `json:"url"`
}

// CouponBlock shows a coupon in the message: with Definition one issued for the
// customer through Coupons, else the one behind URL.
type CouponBlock struct {
	Definition  string `json:"definition,omitempty"`
	Type        string `json:"type,omitempty"` // such as "10%" or "배송비 무료"
	Name        string `json:"name"`
	URL         string `json:"url,omitempty"`
	Description string `json:"description,omitempty"`
}

// Variant is one arm of an A/B test.
type Variant struct {
	Name     string    `json:"name"`
	Share    int       `json:"share"` // of the audience, in hundredths of a percent
	Contents []Content `json:"contents"`
}

// CatchUp says which of the occurrences that were missed run.
type CatchUp string

const (
	CatchUpLatest CatchUp = ""     // the latest one; those before it are coalesced into it
	CatchUpAll    CatchUp = "all"  // every one, in order
	CatchUpNone   CatchUp = "none" // none that a tick came too late for by more than a minute
)

// Overlap says what an occurrence does while the one before is still running.
type Overlap string

const (
	OverlapSkip     Overlap = ""         // it is skipped
	OverlapQueue    Overlap = "queue"    // it waits for the one before
	OverlapParallel Overlap = "parallel" // both run
)

// CreditPolicy says what happens when credits do not cover an occurrence.
type CreditPolicy string

const (
	CreditAll     CreditPolicy = ""        // nobody gets it
	CreditPartial CreditPolicy = "partial" // it is sent in the order of customer ids while credits last
)

// ErrInvalid is returned when a campaign cannot be saved as it is. The error says
// everything that is wrong with it, a line each.
var ErrInvalid = errors.New("message: the campaign is not valid")

// ErrNotFound is returned when there is no campaign, occurrence or delivery under the
// key.
var ErrNotFound = errors.New("message: not found")

// ErrFinished is returned when a cancelled or finished campaign should change.
var ErrFinished = errors.New("message: the campaign is over")

// ErrConflict is returned when a campaign was changed by somebody else since the
// caller read it.
var ErrConflict = errors.New("message: the campaign was changed meanwhile")

func (c Campaign) withDefaults(cfg Config) Campaign {
	if c.Purpose == "" {
		c.Purpose = Advertising
	}
	if c.Country == "" {
		c.Country = cfg.Country
	}
	if c.Lateness == 0 {
		c.Lateness = 24 * time.Hour
		if c.Purpose == Advertising {
			c.Lateness = time.Hour
		}
	}
	if c.Trigger == nil {
		c.Schedule = c.Schedule.withDefaults(cfg.Zone)
	} else {
		t := *c.Trigger
		c.Trigger = &t
	}
	c.Contents = withAliases(c.Contents)
	c.Variants = slices.Clone(c.Variants)
	for i := range c.Variants {
		c.Variants[i].Contents = withAliases(c.Variants[i].Contents)
	}
	c.State, c.Reason, c.Revision = "", "", 0
	return c
}

// withAliases reads the name of a channel that ended as that of its successor.
func withAliases(contents []Content) []Content {
	contents = slices.Clone(contents)
	for i := range contents {
		if c := strings.ToLower(string(contents[i].Channel)); c == "friendtalk" || c == "친구톡" {
			contents[i].Channel = KakaoBrand
		}
	}
	return contents
}

func (c Campaign) validate(cfg Config) error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if c.ID == "" || len(c.ID) > 64 || strings.ContainsFunc(c.ID, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '/' }) {
		say("the id %q is not 1 to 64 bytes without spaces, slashes and control characters", c.ID)
	}
	if c.Purpose != Advertising && c.Purpose != Informational {
		say("the purpose is %q; want advertising or informational", c.Purpose)
	}
	if c.Trigger != nil {
		if err := c.Trigger.validate(); err != nil {
			say("%v", err)
		}
		if !c.Schedule.Start.IsZero() {
			say("a campaign has a schedule or a trigger, not both")
		}
	} else {
		if err := c.Schedule.validate(); err != nil {
			say("%v", err)
		} else if len(c.Schedule.Times(c.Schedule.Start.Add(-time.Microsecond), 1)) == 0 {
			say("the schedule has no time at all")
		}
		if len(c.Groups) == 0 {
			say("no group is addressed")
		}
	}
	if c.Holdout < 0 || c.Holdout >= 10_000 {
		say("the holdout is %d hundredths of a percent; want 0 to 9,999", c.Holdout)
	}
	if !slices.Contains([]CatchUp{CatchUpLatest, CatchUpAll, CatchUpNone}, c.CatchUp) {
		say("the catch-up policy %q is unknown", c.CatchUp)
	}
	if !slices.Contains([]Overlap{OverlapSkip, OverlapQueue, OverlapParallel}, c.Overlap) {
		say("the overlap policy %q is unknown", c.Overlap)
	}
	if c.Credit != CreditAll && c.Credit != CreditPartial {
		say("the credit policy %q is unknown", c.Credit)
	}
	if len(c.Contents) == 0 {
		say("there is no content")
	}
	check := func(where string, contents []Content) {
		var seen []Channel
		for _, ct := range contents {
			if slices.Contains(seen, ct.Channel) {
				say("%schannel %s stands twice", where, ct.Channel)
			}
			seen = append(seen, ct.Channel)
			for _, problem := range checkContent(c, ct, cfg) {
				say("%s%s: %s", where, ct.Channel, problem)
			}
		}
	}
	check("", c.Contents)
	shares := 0
	for i, v := range c.Variants {
		if v.Name == "" || slices.ContainsFunc(c.Variants[:i], func(w Variant) bool { return w.Name == v.Name }) {
			say("variant %d has no name of its own", i+1)
		}
		if v.Share <= 0 {
			say("variant %s has no share", v.Name)
		}
		shares += v.Share
		if len(v.Contents) == 0 {
			say("variant %s has no content", v.Name)
		}
		check("variant "+v.Name+", ", v.Contents)
	}
	if shares > 10_000 {
		say("the variants' shares are more than the whole")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w:\n  %s", ErrInvalid, strings.Join(wrong, "\n  "))
	}
	return nil
}

// variant picks the contents that a customer gets, by the stable sample of the key.
func (c Campaign) variant(at uint64) (name string, contents []Content) {
	from := uint64(0)
	for _, v := range c.Variants {
		from += uint64(v.Share)
		if at < threshold(from) {
			return v.Name, v.Contents
		}
	}
	return "", c.Contents
}

// groups are all the groups that the campaign holds while it runs.
func (c Campaign) groups() []string {
	all := slices.Concat(c.Groups, c.Except)
	if c.Trigger != nil && c.Trigger.Group != "" {
		all = append(all, c.Trigger.Group)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (c Campaign) encode() (string, error) {
	b, err := json.Marshal(c)
	return string(b), err
}

func decodeCampaign(text string) (Campaign, error) {
	var c Campaign
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("message: a stored campaign cannot be read: %w", err)
	}
	return c, nil
}
