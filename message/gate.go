package message

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// Decision is what the gate says about one message at one instant.
type Decision string

const (
	Send Decision = "send"
	Hold Decision = "hold" // not now; again at Until
	Drop Decision = "drop" // never
)

// Reasons of verdicts, recipients and occurrences. Those of a Drop are final.
const (
	ReasonHoldout     = "holdout"                   // drawn to get nothing, for comparison
	ReasonDuplicate   = "duplicate"                 // got the campaign before, which does not allow duplicates
	ReasonLeft        = "left the group"            // Recheck: no longer a member
	ReasonGone        = "no such customer"          // the host knows the customer no more
	ReasonNoAddress   = "no address"                // not reachable on any of the campaign's channels
	ReasonSameAddress = "same address"              // another customer of the occurrence has the address
	ReasonSuppressed  = "address suppressed"        // the address is barred
	ReasonNoRules     = "no rules for the country"  // nothing is known about the country's law
	ReasonNoZone      = "unknown time zone"         // quiet hours cannot be computed
	ReasonNoConsent   = "no consent"                // never given, or refused
	ReasonWithdrawn   = "consent withdrawn"         //
	ReasonForbidden   = "channel forbidden"         // the channel does not carry advertising
	ReasonQuiet       = "quiet hours"               // Hold
	ReasonLate        = "too late"                  // the lateness bound passed
	ReasonCap         = "frequency cap"             // the customer got enough messages
	ReasonRate        = "rate of the channel"       // Hold
	ReasonCredit      = "credits"                   // not enough credits
	ReasonContent     = "content"                   // the message cannot be rendered for this customer
	ReasonRejected    = "rejected by the provider"  //
	ReasonRetries     = "tries used up"             //
	ReasonUnsure      = "the provider never said"   // Unknown
	ReasonCancelled   = "cancelled"                 // the campaign was, before the submit
	ReasonGap         = "skipped by a clock change" // an occurrence's local time did not exist
	ReasonRunning     = "the one before is running" // an occurrence is skipped
	ReasonExpired     = "missed"                    // an occurrence was due too long ago
	ReasonCoalesced   = "a later one runs for it"   // an occurrence
	ReasonCoupon      = "coupon"                    // Hold: no coupon could be issued now
	ReasonErased      = "erased"                    // the customer was forgotten before the submit
	ReasonUndone      = "condition no longer holds" // a trigger's cancel condition came true
	ReasonFailedCast  = "not delivered"             // a receipt says so
)

// Verdict is the gate's answer, kept with the recipient.
type Verdict struct {
	Decision Decision
	Reason   string
	Until    time.Time // Hold: when to ask again. Send: when the verdict stops being true
	Checks   []string  // every rule that was evaluated, its input and its answer
}

// facts are the input of the gate: everything known about one message at one
// instant. The gate itself reads nothing.
type facts struct {
	now        time.Time
	campaign   *Campaign
	channel    Channel
	contact    Contact
	known      bool // the host knows the customer
	address    string
	consents   []Consent
	suppressed string            // why the address is barred; empty when it is not
	twin       dangol.CustomerID // who else of the occurrence was sent to the address
	duplicate  string            // the occurrence in which the customer got the campaign before
	left       bool              // no member any more
	broke      bool              // there are no credits for the occurrence
	undone     string            // the kind of record that undid the trigger
	since      time.Time         // when the message was due
	caps       []capState
	rules      Rules
}

// capState is a cap and how much of it the customer has used.
type capState struct {
	cap  Cap
	used int
	free time.Time // when the next place gets free
}

// judge is the one gate that every message passes, at the start of its way and again
// in the transaction that makes its submit durable.
func judge(f facts) Verdict {
	var v Verdict
	check := func(rule, format string, args ...any) {
		v.Checks = append(v.Checks, rule+": "+fmt.Sprintf(format, args...))
	}
	drop := func(reason string) Verdict {
		v.Decision, v.Reason = Drop, reason
		return v
	}
	c := f.campaign
	switch {
	case !f.known:
		return drop(ReasonGone)
	case f.left:
		check("audience", "no longer a member")
		return drop(ReasonLeft)
	case f.undone != "":
		check("trigger", "undone by %s", f.undone)
		return drop(ReasonUndone)
	case f.duplicate != "":
		check("duplicates", "sent in %s", f.duplicate)
		return drop(ReasonDuplicate)
	case f.address == "":
		check("address", "none for %s", f.channel)
		return drop(ReasonNoAddress)
	case f.twin != "":
		check("address", "already used for another customer")
		return drop(ReasonSameAddress)
	}
	if f.suppressed != "" {
		check("suppression", "%s", f.suppressed)
		return drop(ReasonSuppressed)
	}
	country := f.contact.Country
	if country == "" {
		country = c.Country
	}
	zone := f.contact.Zone
	if zone == "" {
		zone = f.rules.Zones[country]
	}
	loc, err := loadZone(zone)
	badZone := err != nil || zone == "" || zone == "Local"
	if c.Purpose == Advertising && !f.rules.known(country) {
		check("country", "%q has no rules", country)
		return drop(ReasonNoRules)
	}
	if badZone {
		if c.Purpose == Advertising {
			check("zone", "%q is unknown", zone)
			return drop(ReasonNoZone)
		}
		loc = time.UTC
	}
	for _, r := range f.rules.inForce(country, c.Purpose, f.channel, f.now, loc) {
		switch r.Kind {
		case RuleForbidden:
			check(r.ID, "%s does not carry it", f.channel)
			return drop(ReasonForbidden)
		case RuleConsent:
			line, ok := standing(f.consents, f.channel, string(c.Purpose), f.now)
			switch {
			case !ok:
				check(r.ID, "never asked")
				return drop(ReasonNoConsent)
			case !line.Granted:
				check(r.ID, "refused %s", stamp(line.At, loc))
				if slices.ContainsFunc(f.consents, func(o Consent) bool { return o.Granted && o.Purpose == line.Purpose }) {
					return drop(ReasonWithdrawn)
				}
				return drop(ReasonNoConsent)
			}
			check(r.ID, "granted %s, wording %q", stamp(line.At, loc), line.Wording)
		case RuleQuiet:
			if r.Unless != "" {
				if line, ok := standing(f.consents, f.channel, r.Unless, f.now); ok && line.Granted {
					check(r.ID, "lifted by consent of %s", stamp(line.At, loc))
					continue
				}
			}
			holds, change := r.quiet(f.now, loc)
			if holds {
				check(r.ID, "%s is quiet until %s", stamp(f.now, loc), stamp(change, loc))
				v.Decision, v.Reason = Hold, ReasonQuiet
				v.Until = later(v.Until, change)
			} else {
				check(r.ID, "%s is allowed", stamp(f.now, loc))
				if v.Decision != Hold {
					v.Until = earlier(v.Until, change)
				}
			}
		}
	}
	if f.broke {
		check("credits", "not enough for all")
		return drop(ReasonCredit)
	}
	if v.Decision == Hold {
		return v
	}
	for _, cs := range f.caps {
		check("cap "+cs.cap.Name, "%d of %d used", cs.used, cs.cap.Max)
		if cs.used < cs.cap.Max {
			continue
		}
		if !cs.cap.Wait {
			return drop(ReasonCap)
		}
		v.Decision, v.Reason = Hold, ReasonCap
		v.Until = later(cs.free, f.now.Add(time.Second))
		return v
	}
	if c.Lateness > 0 && f.now.Sub(f.since) > c.Lateness {
		check("lateness", "due %s", stamp(f.since, loc))
		return drop(ReasonLate)
	}
	v.Decision = Send
	return v
}

// detail is the checks as the recipient keeps them.
func (v Verdict) detail() string { return strings.Join(v.Checks, "\n") }

func stamp(t time.Time, loc *time.Location) string {
	return t.In(loc).Format("2006-01-02 15:04:05 -07:00")
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier ignores zero times.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
