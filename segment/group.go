package segment

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/eval/plan"
)

// Kind tells where the members of a group come from. It is fixed once saved.
type Kind string

const (
	// Dynamic groups hold whom their rule selects, refreshed on a schedule. Adobe
	// calls them segments.
	Dynamic Kind = "dynamic"
	// Static groups hold who was added by hand. Adobe calls them customer groups.
	Static Kind = "static"
	// Frozen groups hold whom their rule selected when they were created.
	Frozen Kind = "snapshot"
)

// Definition is what an operator writes. Name, Description and Contact are for
// operators only: nothing that customers see can reach them.
type Definition struct {
	ID          string     // the host's own key. Defaults to a random one; fixed once saved
	Name        string     // how rules and people call the group; unique among live groups
	Description string     // for operators
	Kind        Kind       // Defaults to Dynamic; fixed once saved
	Scope       plan.Scope // Defaults to members; fixed once saved
	Rule        string     // of dynamic and frozen groups, in the rule language
	Schedule    Schedule   // of dynamic groups. Defaults to daily at local midnight
	Starts      time.Time  // first instant in effect. Defaults to the start of the local day of creation
	Ends        time.Time  // first instant no longer in effect. Defaults to no end
	Contact     Contact    // whom to ask about the group
	// Pricing tells whether members get the group's prices, in every store but
	// those that PricingIn says otherwise of.
	Pricing   bool
	PricingIn map[string]bool
	// Purposes are what the group may serve. Defaults to all that its kind may.
	Purposes []Purpose
}

// Contact is the person to ask about a group.
type Contact struct{ Name, Info string }

// Schedule tells when a dynamic group is refreshed by Service.RefreshDue. The
// zero Schedule is once a day, at local midnight as of that midnight: the data of
// the day before.
type Schedule struct {
	// Every refreshes whenever so many minutes have passed, counted from 1970, as
	// of the last such instant. A whole number of minutes.
	Every time.Duration `json:",omitempty"`
	// OnChange refreshes after Service.Changed was called, as of now.
	OnChange bool `json:",omitempty"`
}

// Status is where a group stands in its life.
type Status string

// The statuses. Deleted is final; history and results stay readable.
const (
	Active   Status = "active"
	Archived Status = "archived"
	Deleted  Status = "deleted"
)

// Group is a group as the state keeps it.
type Group struct {
	Definition
	RuleVersion int // counts saved rules from 1; 0 without a rule
	Status      Status
	Created     time.Time
	Edited      time.Time // the definition's last change

	// The members, as of the last refresh that succeeded.
	Version     int64               // of the members, counted from 1; grows with each change of them
	Count       int                 // how many members that version has
	AsOf        time.Time           // the instant the rule was asked for
	ReadAt      time.Time           // when the data was read
	RefreshedAt time.Time           // when that was saved
	Exact       bool                // nothing untimed was read for a past as-of
	Current     []string            // what was, sorted
	Cuts        map[string]eval.Cut // of the rule's ranks
	Kept        int64               // history begins with this version

	// The refresh.
	Due      time.Time // when the next one is; zero for never
	FailedAt time.Time // of the last one, zero when it succeeded
	Failure  string    // why it failed
	Lease    Lease
	// Fence grows with every act that a refresh under way must not overlook: a
	// lease, an edit, a pin. A refresh is saved only if it did not grow meanwhile.
	Fence int64
	Asked int64 // counts calls of Service.Changed

	Promotions []Attachment
	Uses       []dangol.Use // ordered by By, Kind, ID
}

// Lease says who refreshes a group and until when nobody else does.
type Lease struct {
	Owner string
	Until time.Time
}

// Attachment is a promotion that a group takes part in.
type Attachment struct {
	Promotion  string // the promotion's id
	Restricted bool   // the promotion is for attached groups alone, for good
}

// Clone is a deep copy.
func (g *Group) Clone() *Group {
	c := *g
	c.PricingIn = maps.Clone(g.PricingIn)
	c.Purposes = slices.Clone(g.Purposes)
	c.Current = slices.Clone(g.Current)
	c.Cuts = maps.Clone(g.Cuts)
	c.Promotions = slices.Clone(g.Promotions)
	c.Uses = slices.Clone(g.Uses)
	return &c
}

// inEffect tells whether the group's dates hold at an instant.
func (d *Definition) inEffect(at time.Time) bool {
	return !at.Before(d.Starts) && (d.Ends.IsZero() || at.Before(d.Ends))
}

func (d *Definition) hasRule() bool { return d.Kind != Static }

// Limits of what operators write, in bytes.
const (
	maxName = 200
	maxText = 4000
	maxID   = 100
)

// withDefaults fills what a definition leaves open; dayStart is the start of the
// local day of creation.
func (d Definition) withDefaults(dayStart time.Time) Definition {
	if d.Kind == "" {
		d.Kind = Dynamic
	}
	if d.Scope == "" {
		d.Scope = plan.Members
	}
	if d.Starts.IsZero() {
		d.Starts = dayStart
	}
	if len(d.Purposes) == 0 {
		d.Purposes = allowedPurposes(d.Kind)
	}
	d.Starts, d.Ends = instant(d.Starts), instant(d.Ends)
	return d
}

func (d *Definition) validate() error {
	for _, text := range []string{d.ID, d.Name, d.Description, d.Contact.Name, d.Contact.Info} {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return invalid("names and descriptions must be text")
		}
	}
	switch {
	case d.ID == "" || len(d.ID) > maxID:
		return invalid("an id has 1 to %d bytes", maxID)
	case strings.TrimSpace(d.Name) == "":
		return invalid("a group needs a name")
	case len(d.Name) > maxName:
		return invalid("a name has at most %d bytes", maxName)
	case len(d.Description)+len(d.Contact.Name)+len(d.Contact.Info) > maxText:
		return invalid("description and contact have at most %d bytes", maxText)
	case d.Kind != Dynamic && d.Kind != Static && d.Kind != Frozen:
		return invalid("no kind of group is called %q", d.Kind)
	case d.Scope != plan.Members && d.Scope != plan.Guests && d.Scope != plan.Both:
		return invalid("no scope is called %q", d.Scope)
	case d.Kind == Static && d.Rule != "":
		return invalid("a static group has no rule")
	case d.Kind != Static && strings.TrimSpace(d.Rule) == "":
		return invalid("a %s group needs a rule", d.Kind)
	case d.Kind != Dynamic && d.Schedule != Schedule{}:
		return invalid("only dynamic groups have a schedule")
	case d.Schedule.OnChange && d.Schedule.Every != 0:
		return invalid("a schedule is either every so often or on change")
	case d.Schedule.Every < 0 || d.Schedule.Every%time.Minute != 0:
		return invalid("a schedule counts whole minutes")
	case !d.Ends.IsZero() && !d.Ends.After(d.Starts):
		return invalid("a group must start before it ends")
	}
	for _, p := range d.Purposes {
		if err := p.allowedTo(d.Kind); err != nil {
			return err
		}
	}
	return nil
}

// instant is a time as the state keeps it: UTC, without what storing would lose.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
