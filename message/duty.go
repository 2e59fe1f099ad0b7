package message

import (
	"context"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
)

// Duty is something that the law asks of the shop after a consent: to tell the
// customer its result within 14 days, and to have it confirmed again every two years.
// RecordConsent makes duties by the Rules; a campaign with a Trigger on ConsentDue
// does them, or the host does and calls DutyDone.
type Duty struct {
	Key      string // names it
	Kind     RuleKind
	Rule     string // the rule's id
	Customer dangol.CustomerID
	Channel  Channel
	Purpose  string
	Granted  bool      // what was said
	Said     time.Time // when
	Start    time.Time // when it can be done: at once, or a month before it is due
	Due      time.Time // when it has to be done
	Done     time.Time // none while it is open
	How      string    // how it was done

	stage int
	seq   int
}

// Stages of a duty: a campaign is told of it once.
const (
	dutyDone   = 0
	dutyOpen   = 1
	dutyCalled = 2 // open, and a campaign has a line in its ledger for it
)

func (*Duty) table() *Table { return dutyTable }
func (d *Duty) fields() []any {
	return []any{&d.Key, (*string)(&d.Kind), &d.Rule, (*string)(&d.Customer), (*string)(&d.Channel), &d.Purpose, &d.How,
		&d.Granted, &d.Said, &d.Start, &d.Due, &d.Done, &d.stage, &d.seq}
}

// ConsentDue triggers a campaign by a duty; Trigger.Record is the duty's kind, "result
// notice" or "re-confirmation". When the message was submitted the duty is done.
const ConsentDue EventKind = "consent"

// reconfirmLead is how long before it is due a consent can be confirmed again.
const reconfirmLead = 30 * 24 * time.Hour

// dutiesOf writes the duties that a line of the consent ledger brings.
func (s *Service) dutiesOf(tx Tx, line Consent) error {
	loc, err := loadZone(s.cfg.Rules.Zones[s.cfg.Country])
	if err != nil {
		loc = time.UTC
	}
	for _, r := range s.cfg.Rules.inForce(s.cfg.Country, Purpose(line.Purpose), line.Channel, line.At, loc) {
		if r.Kind != RuleNotice && (r.Kind != RuleReconfirm || !line.Granted) {
			continue
		}
		d := Duty{Key: dutyKey(r.Kind, line.Customer, line.seq), Kind: r.Kind, Rule: r.ID,
			Customer: line.Customer, Channel: line.Channel, Purpose: line.Purpose, Granted: line.Granted, Said: line.At,
			Start: line.At, Due: line.At.AddDate(0, 0, r.Days), stage: dutyOpen, seq: line.seq}
		if r.Kind == RuleReconfirm {
			d.Start = d.Due.Add(-reconfirmLead)
		}
		if _, err := insert(tx, &d); err != nil {
			return err
		}
	}
	return nil
}

// dutyKey names a duty, and the line of a campaign's ledger that does it, without
// saying whose it is.
func dutyKey(kind RuleKind, customer dangol.CustomerID, seq int) string {
	return fmt.Sprintf("consent/%s/%s/%d", kind, digest(string(customer)), seq)
}

// Duties walks the open duties that can be done by the given time: those that no
// campaign was told of and then the others, each in the order of their start. Those
// that a later line of the ledger made needless are left out. An error of f ends the
// walk.
func (s *Service) Duties(ctx context.Context, until time.Time, f func(Duty) error) error {
	for _, stage := range []int64{dutyOpen, dutyCalled} {
		err := scanAll(s.view(ctx), Range{Index: 1, Equal: []any{stage}, To: micros(until) + 1}, func(d Duty) error {
			needless := false
			if err := s.store.View(ctx, func(tx Tx) (err error) {
				needless, err = superseded(tx, d)
				return err
			}); err != nil || needless {
				return err
			}
			return f(d)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// superseded tells whether the customer has said something newer: a consent that was
// withdrawn or given anew is not to be confirmed.
func superseded(tx Tx, d Duty) (bool, error) {
	if d.Kind != RuleReconfirm {
		return false, nil
	}
	ledger, err := consents(tx, d.Customer)
	for _, c := range ledger {
		if c.seq > d.seq && c.Purpose == d.Purpose && (c.Channel == "" || c.Channel == d.Channel) {
			return true, err
		}
	}
	return false, err
}

// DutyDone closes a duty. Closing it twice keeps the first time and word.
func (s *Service) DutyDone(ctx context.Context, key, how string) error {
	return s.store.Update(ctx, func(tx Tx) error { return s.endDuty(tx, key, how) })
}

func (s *Service) endDuty(tx Tx, key, how string) error {
	d, ok, err := get[Duty](tx, key)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: duty %s", ErrNotFound, key)
	}
	if d.stage == dutyDone {
		return nil
	}
	d.stage, d.Done, d.How = dutyDone, s.now(), how
	return put(tx, &d)
}

// callDuties gives the duties that can be done to the campaigns that do them.
func (s *Service) callDuties(ctx context.Context, now time.Time) error {
	for _, kind := range []RuleKind{RuleNotice, RuleReconfirm} {
		var campaigns []campaignRow
		err := s.store.View(ctx, func(tx Tx) (err error) {
			campaigns, err = scan[campaignRow](tx, Range{Index: 2, Equal: []any{topic(ConsentDue, string(kind))}})
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range campaigns {
			if row.State != Scheduled && row.State != Running {
				continue
			}
			err := scanPages(s.view(ctx), Range{Index: 1, Equal: []any{int64(dutyOpen)}, To: micros(now) + 1}, func(page []Duty) error {
				return s.store.Update(ctx, func(tx Tx) error {
					for _, d := range page {
						if err := s.callDuty(tx, row, d, kind, now); err != nil {
							return err
						}
					}
					return nil
				})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) callDuty(tx Tx, row campaignRow, d Duty, kind RuleKind, now time.Time) error {
	if d.Kind != kind {
		return nil
	}
	d, _, err := get[Duty](tx, d.Key)
	if err != nil || d.stage != dutyOpen {
		return err
	}
	needless, err := superseded(tx, d)
	if err != nil {
		return err
	}
	if needless {
		return s.endDuty(tx, d.Key, "superseded")
	}
	if _, err := insert(tx, &Occurrence{Campaign: row.ID, ID: d.Key, State: OccurrencePlanned, At: now, Due: now, Fired: d.Said, Customer: d.Customer}); err != nil {
		return err
	}
	d.stage = dutyCalled
	return put(tx, &d)
}
