package segment

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
)

// Handled is the report of an act by hand on customers, each in one list, in the
// order given.
type Handled struct {
	Changed []dangol.CustomerID
	Already []dangol.CustomerID // were so before
	Unknown []dangol.CustomerID // the data has no such customer
	Result  *Result             // what became of the group's members
}

// Add puts customers on the list of a static or frozen group. Dynamic groups have
// no list: ErrInvalid; use Pin.
func (s *Service) Add(ctx context.Context, group string, ids []dangol.CustomerID, reason string) (*Handled, error) {
	return s.byHand(ctx, group, ids, "add", func(g *Group, old Entry) (Entry, error) {
		if g.Kind == Dynamic {
			return old, invalid("group %q has a rule; customers are pinned in, not added", g.Name)
		}
		old.Mark, old.Reason = Listed, reason
		return old, nil
	})
}

// Remove takes customers off the list of a static or frozen group.
func (s *Service) Remove(ctx context.Context, group string, ids []dangol.CustomerID, reason string) (*Handled, error) {
	return s.byHand(ctx, group, ids, "remove", func(g *Group, old Entry) (Entry, error) {
		if g.Kind == Dynamic {
			return old, invalid("group %q has a rule; customers are pinned out, not removed", g.Name)
		}
		old.Mark, old.Reason = "", reason
		return old, nil
	})
}

// Pin keeps customers in a group or, with mark Out, out of it, whatever its rule
// or list says. A reason is needed. A pin takes the place of a list entry.
func (s *Service) Pin(ctx context.Context, group string, mark Mark, ids []dangol.CustomerID, reason string) (*Handled, error) {
	if mark != In && mark != Out {
		return nil, invalid("a pin is in or out")
	}
	if strings.TrimSpace(reason) == "" {
		return nil, fmt.Errorf("%w: a pin", ErrReason)
	}
	return s.byHand(ctx, group, ids, "pin "+string(mark), func(_ *Group, old Entry) (Entry, error) {
		old.Mark, old.Reason = mark, reason
		return old, nil
	})
}

// Unpin leaves customers to the rule again.
func (s *Service) Unpin(ctx context.Context, group string, ids []dangol.CustomerID, reason string) (*Handled, error) {
	return s.byHand(ctx, group, ids, "unpin", func(_ *Group, old Entry) (Entry, error) {
		if old.Mark == In || old.Mark == Out {
			old.Mark, old.Reason = "", reason
		}
		return old, nil
	})
}

// Entries is a page of a group's hand-made lines: at most limit behind after,
// ordered by customer.
func (s *Service) Entries(ctx context.Context, group string, after dangol.CustomerID, limit int) ([]Entry, error) {
	if err := s.allow(ctx, View, group); err != nil {
		return nil, err
	}
	var out []Entry
	err := s.state.View(ctx, func(r Reader) (err error) {
		if _, err = r.Group(group); err != nil {
			return err
		}
		out, err = r.Entries(EntryQuery{Group: group, After: after, Limit: limit})
		return err
	})
	return out, err
}

// byHand changes the entries of customers and the group's members with them, in
// one transaction. mark tells what becomes of a customer's entry.
func (s *Service) byHand(ctx context.Context, group string, ids []dangol.CustomerID, what string, mark func(*Group, Entry) (Entry, error)) (*Handled, error) {
	if err := s.allow(ctx, Manage, group); err != nil {
		return nil, err
	}
	ids, unknown, err := s.known(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out *Handled
	err = retried(ctx, func() error {
		out = &Handled{Unknown: unknown}
		return s.byHandOnce(ctx, group, ids, what, mark, out)
	})
	return out, err
}

func (s *Service) byHandOnce(ctx context.Context, group string, ids []dangol.CustomerID, what string, mark func(*Group, Entry) (Entry, error), out *Handled) error {
	now := s.now()
	reg, err := s.registry(ctx)
	if err != nil {
		return err
	}
	old, err := reg.active(group)
	if err != nil {
		return err
	}
	changed, causes, err := s.lines(ctx, old, ids, mark, out, now)
	if err != nil {
		return err
	}
	if len(changed) == 0 { // a repeated call leaves no trace
		out.Result = (&draft{}).result(old, old.Count, nil)
		return nil
	}
	r := request{group: old, asOf: s.asOfNow(&old.Definition, now), hands: changed}
	d, err := s.draft(ctx, reg, r, now, causeHand, causes)
	if err != nil {
		return err
	}
	return s.state.Update(ctx, func(tx Tx) error {
		g, err := tx.Group(group)
		if err != nil {
			return err
		}
		if g.Fence != old.Fence {
			return ErrConflict
		}
		if err := tx.SetEntries(group, changed); err != nil {
			return err
		}
		if err := d.save(s, tx, g, now, Actor(ctx)); err != nil {
			return err
		}
		out.Result = d.result(g, old.Count, nil)
		return tx.Append(s.act(ctx, Manage, group, what, fmt.Sprintf("%d customers", len(changed))))
	})
}

// lines are the entries that an act changes, and the causes to note for customers
// who leave by it.
func (s *Service) lines(ctx context.Context, g *Group, ids []dangol.CustomerID, mark func(*Group, Entry) (Entry, error), out *Handled, now time.Time) ([]Entry, map[dangol.CustomerID]Cause, error) {
	var changed []Entry
	causes := map[dangol.CustomerID]Cause{}
	err := s.state.View(ctx, func(r Reader) error {
		for _, id := range ids {
			old := Entry{Customer: id}
			list, err := r.Entries(EntryQuery{Group: g.ID, Customer: id})
			if err != nil {
				return err
			}
			if len(list) == 1 {
				old = list[0]
			}
			next, err := mark(g, old)
			if err != nil {
				return err
			}
			if next.Mark == old.Mark {
				out.Already = append(out.Already, id)
				continue
			}
			next.By, next.At = Actor(ctx), now
			changed = append(changed, next)
			why := ByPin
			if old.Mark == Listed && next.Mark == "" {
				why = ByList
			}
			causes[id] = Cause{Why: why, Note: next.Reason, By: next.By}
			out.Changed = append(out.Changed, id)
		}
		return nil
	})
	return changed, causes, err
}

// known parts ids, without repetition, into those that the data has and others.
func (s *Service) known(ctx context.Context, ids []dangol.CustomerID) (known, unknown []dangol.CustomerID, err error) {
	seen := map[dangol.CustomerID]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		switch _, err := s.cfg.Data.Customer(ctx, id); {
		case errors.Is(err, store.ErrNotFound):
			unknown = append(unknown, id)
		case err != nil:
			return nil, nil, fmt.Errorf("segment: read the data: %w", err)
		default:
			known = append(known, id)
		}
	}
	return known, unknown, nil
}

// Emails is the report of AddByEmail: each address that was pasted, once.
type Emails struct {
	Added     []string
	Already   []string // were in the list before
	Unknown   []string // no customer has the address
	Ambiguous []string // several customers have it; none was added
	Malformed []string // not an e-mail address, as pasted
	Result    *Result  // nil when nobody was found
}

// AddByEmail puts the customers with the pasted e-mail addresses on the list of a
// static or frozen group. Addresses are separated by comma, semicolon or line.
func (s *Service) AddByEmail(ctx context.Context, group, pasted, reason string) (*Emails, error) {
	if err := s.allow(ctx, Manage, group); err != nil {
		return nil, err
	}
	out := &Emails{}
	attribute, ok := s.cfg.Data.Catalog().Attribute(s.cfg.Email)
	if !ok {
		return nil, invalid("the catalog has no attribute %q", s.cfg.Email)
	}
	var asked []string
	for _, piece := range strings.FieldsFunc(pasted, func(r rune) bool { return strings.ContainsRune(",;\n\r，；", r) }) {
		piece = strings.TrimSpace(piece)
		if piece == "" {
			continue
		}
		a, err := mail.ParseAddress(piece)
		if err != nil || !strings.Contains(a.Address[strings.LastIndexByte(a.Address, '@'):], ".") {
			if !slices.Contains(out.Malformed, piece) {
				out.Malformed = append(out.Malformed, piece)
			}
			continue
		}
		asked = append(asked, attribute.Type.Normal(a.Address))
	}
	asked = unique(asked)
	byEmail, err := s.byEmail(ctx, asked)
	if err != nil {
		return nil, err
	}
	var ids []dangol.CustomerID
	address := map[dangol.CustomerID]string{}
	for _, email := range asked {
		switch found := byEmail[email]; len(found) {
		case 0:
			out.Unknown = append(out.Unknown, email)
		case 1:
			ids = append(ids, found[0])
			address[found[0]] = email
		default:
			out.Ambiguous = append(out.Ambiguous, email)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	done, err := s.Add(ctx, group, ids, reason)
	if err != nil {
		return nil, err
	}
	for _, id := range done.Changed {
		out.Added = append(out.Added, address[id])
	}
	for _, id := range done.Already {
		out.Already = append(out.Already, address[id])
	}
	for _, id := range done.Unknown { // gone since they were found
		out.Unknown = append(out.Unknown, address[id])
	}
	out.Result = done.Result
	return out, nil
}

// emailsAtOnce is how many addresses one rule asks for.
const emailsAtOnce = 500

// byEmail finds customers by their addresses with a rule, so that any store can.
func (s *Service) byEmail(ctx context.Context, emails []string) (map[string][]dangol.CustomerID, error) {
	found := map[string][]dangol.CustomerID{}
	for chunk := range slices.Chunk(emails, emailsAtOnce) {
		quoted := make([]string, len(chunk))
		for i, e := range chunk {
			quoted[i] = `"` + quoter.Replace(e) + `"`
		}
		rule := s.cfg.Email + " in (" + strings.Join(quoted, ", ") + ")"
		p, ds := s.rules.compiler.Text(rule, compile.Options{Scope: plan.Members})
		if p == nil {
			return nil, ds
		}
		answers, err := s.cfg.Data.Select(ctx, store.Query{Plans: []*plan.Plan{p}, AsOf: s.liveAsOf(s.now()), Zone: s.cfg.Zone})
		if err != nil {
			return nil, fmt.Errorf("segment: read the data: %w", err)
		}
		if answers[0].Err != nil {
			return nil, answers[0].Err
		}
		for id := range answers[0].Members.All() {
			c, err := s.cfg.Data.Customer(ctx, id)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("segment: read the data: %w", err)
			}
			email := c.Attributes[s.cfg.Email].Text()
			found[email] = append(found[email], id)
		}
	}
	return found, nil
}

func unique(list []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(s string) bool {
		defer func() { seen[s] = true }()
		return seen[s]
	})
}

// quoter escapes a string of the rule language.
var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
