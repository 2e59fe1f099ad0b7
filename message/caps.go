package message

import (
	"fmt"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/internal/civil"
)

// Cap bounds how many messages a customer gets, over all campaigns.
type Cap struct {
	Name     string        // shown in verdicts
	Max      int           // messages
	Rolling  time.Duration // in any stretch of this length ending now; or
	Calendar Unit          // in the current local day, week (from Monday) or month
	Channels []Channel     // counted and capped. Defaults to all
	Purposes []Purpose     // counted and capped. Defaults to Advertising
	Wait     bool          // hold the message until a place is free. Defaults to dropping it
}

func (c Cap) validate() error {
	calendar := slices.Contains([]Unit{Days, Weeks, Months}, c.Calendar)
	switch {
	case c.Name == "":
		return fmt.Errorf("message: a cap without name")
	case c.Max < 0:
		return fmt.Errorf("message: cap %s: a negative maximum", c.Name)
	case (c.Rolling > 0) == calendar || c.Calendar != "" && !calendar:
		return fmt.Errorf("message: cap %s: want either a rolling time or a calendar day, week or month", c.Name)
	}
	return nil
}

func (c Cap) covers(ch Channel, p Purpose) bool {
	purposes := c.Purposes
	if len(purposes) == 0 {
		purposes = []Purpose{Advertising}
	}
	return slices.Contains(purposes, p) && (len(c.Channels) == 0 || slices.Contains(c.Channels, ch))
}

// period is the cap's stretch of time at now, and for a calendar one its end.
func (c Cap) period(now time.Time, zone *time.Location) (from, until time.Time) {
	if c.Rolling > 0 {
		return now.Add(-c.Rolling), time.Time{}
	}
	day := civil.Of(now, zone).StartOfDay()
	end := day.AddDays(1)
	switch c.Calendar {
	case Weeks:
		day = day.AddDays(-((int(day.Weekday()) + 6) % 7))
		end = day.AddDays(7)
	case Months:
		day = civil.Date(day.Year, day.Month, 1)
		end = day.AddMonths(1)
	}
	return day.In(zone), end.In(zone)
}

// capStates counts what a customer got under each cap that covers the message.
func (s *Service) capStates(tx Tx, b *batch, r *claimed, now time.Time) ([]capState, error) {
	var states []capState
	for _, limit := range s.cfg.Caps {
		if !limit.covers(r.content.Channel, b.campaign.Purpose) {
			continue
		}
		_, until := limit.period(now, s.cfg.Zone)
		got, err := scan[Delivery](tx, s.counted(limit, r.Customer, now))
		if err != nil {
			return nil, err
		}
		state := capState{cap: limit, free: until}
		for _, d := range got {
			if d.Key == r.msg.Key || !d.counts() || !limit.covers(d.Channel, d.Purpose) {
				continue
			}
			if state.used++; limit.Rolling > 0 && state.free.IsZero() {
				state.free = d.Submitted.Add(limit.Rolling)
			}
		}
		states = append(states, state)
	}
	return states, nil
}

// counted is what a cap counts for a customer.
func (s *Service) counted(limit Cap, id dangol.CustomerID, now time.Time) Range {
	from, _ := limit.period(now, s.cfg.Zone)
	// A rolling stretch is open at its old end: a message of exactly a day ago is a day old.
	return Range{Index: 1, Equal: []any{string(id)}, From: micros(from.Add(boolMicro(limit.Rolling > 0)))}
}

func boolMicro(b bool) time.Duration {
	if b {
		return time.Microsecond
	}
	return 0
}
