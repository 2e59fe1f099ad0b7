package message

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// claimed is one recipient on its way through a worker.
type claimed struct {
	Recipient
	wasDue  time.Time // when it should have been worked on; zero after an abandoned claim
	contact Contact
	known   bool
	left    bool
	content Content
	msg     Message
	coupon  *Coupon
	verdict Verdict
	cost    int64
}

// batch is what a worker claimed at once, all of one occurrence.
type batch struct {
	row      campaignRow
	campaign Campaign
	occ      Occurrence
	fence    int64
	until    time.Time       // the end of the lease, by the store's clock
	deadline time.Time       // the same, by the service's: nothing is handed over after it
	alive    context.Context // done at the end too, however the service's clock jumps
	rows     []*claimed
}

func newClaimed(r Recipient) *claimed {
	c := &claimed{Recipient: r}
	if r.life != leased { // else Due is of another clock, and when a claim was abandoned
		c.wasDue = r.Due
	}
	return c
}

// dispatchAll works on all running occurrences until nothing is due.
func (s *Service) dispatchAll(ctx context.Context, now time.Time) (Progress, error) {
	var running []Occurrence
	err := s.store.View(ctx, func(tx Tx) (err error) {
		running, err = scan[Occurrence](tx, Range{Index: 1, Equal: []any{string(OccurrenceRunning)}, To: micros(now) + 1})
		return err
	})
	if err != nil {
		return Progress{}, err
	}
	var mu sync.Mutex
	var total Progress
	var errs []error
	var wg sync.WaitGroup
	for range s.cfg.Workers {
		wg.Go(func() {
			for _, o := range running {
				p, err := s.work(ctx, o.Campaign, o.ID)
				mu.Lock()
				total.add(p)
				if err != nil {
					errs = append(errs, fmt.Errorf("campaign %s, %s: %w", o.Campaign, o.ID, err))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return total, errors.Join(errs...)
}

// work claims and serves batches of one occurrence until nothing of it is due.
func (s *Service) work(ctx context.Context, campaign, id string) (total Progress, err error) {
	for ctx.Err() == nil {
		p, more, err := s.workOnce(ctx, campaign, id)
		total.add(p)
		if err != nil {
			return total, err
		}
		if !more {
			return total, s.close(ctx, campaign, id)
		}
	}
	return total, nil
}

// workOnce claims and serves one batch, if there is one.
func (s *Service) workOnce(ctx context.Context, campaign, id string) (p Progress, more bool, err error) {
	alive, end := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Lease)
	defer end()
	b, err := s.claim(ctx, campaign, id)
	if err != nil || b == nil {
		return p, false, err
	}
	b.alive = alive
	p, err = s.serve(ctx, b)
	return p, true, err
}

// claim takes the next due recipients under a lease: others may take them when it ends,
// and only the holder of the newest fence may submit them. What is due is told by the
// service's clock, how long a lease holds by the store's.
func (s *Service) claim(ctx context.Context, campaign, id string) (b *batch, err error) {
	fence := newFence()
	err = s.updateAhead(ctx, func(tx *ahead) error {
		if b != nil { // by a run of the transaction that may have been committed
			if mine, err := b.arrived(tx); err != nil || mine {
				return err
			}
		}
		b = nil
		row, _, err := get[campaignRow](tx, campaign)
		if err != nil || row.State != Running && row.State != Cancelled {
			return err
		}
		o, _, err := get[Occurrence](tx, campaign, id)
		if err != nil || o.State != OccurrenceRunning || !o.Frozen || !o.Priced && row.State == Running {
			return err
		}
		now := s.now()
		c, err := row.campaign()
		if err != nil {
			return err
		}
		places, free, err := s.places(tx, c.Contents[0].Channel, now)
		if err != nil {
			return err
		}
		if places == 0 && row.State == Running { // nobody is claimed who would only be put off
			o.Due = free
			return put(tx, &o)
		}
		at, err := s.leaseNow(tx)
		if err != nil {
			return err
		}
		due, err := claimable(tx, o, now, at, min(s.cfg.Batch, max(places, 1)))
		if err != nil || len(due) == 0 {
			return err
		}
		b = &batch{row: row, campaign: c, occ: o, fence: fence, until: at.Add(s.cfg.Lease), deadline: now.Add(s.cfg.Lease)}
		late := false
		for _, r := range due {
			cl := newClaimed(r)
			cl.fence, cl.life, cl.Due = b.fence, leased, b.until
			if err := put(tx, &cl.Recipient); err != nil {
				return err
			}
			b.rows = append(b.rows, cl)
			late = late || c.Lateness > 0 && now.Sub(later(cl.wasDue, o.Active)) > c.Lateness
		}
		// While it is worked on in time an occurrence may take as long as it needs. After
		// a standstill nothing revives what is too late.
		if !late && now.Sub(o.Active) > time.Minute {
			o.Active = now
			return put(tx, &o)
		}
		return nil
	})
	return b, err
}

// arrived tells whether the claim is in the store.
func (b *batch) arrived(tx Tx) (bool, error) {
	first, ok, err := get[Recipient](tx, b.occ.Campaign, b.occ.ID, string(b.rows[0].Customer))
	return ok && first.fence == b.fence, err
}

// newFence names a claim. Fences are only compared for equality, so they need no
// counter that all claims would wait for.
func newFence() int64 { return rand.Int64N(math.MaxInt64) + 1 }

// claimable is who waited long enough, and whose claims were abandoned.
func claimable(tx Tx, o Occurrence, now, at time.Time, limit int) ([]Recipient, error) {
	find := func(l life, until time.Time, limit int) ([]Recipient, error) {
		return scan[Recipient](tx, Range{Index: 1, Equal: []any{o.Campaign, o.ID, int64(l)}, To: micros(until) + 1, Limit: limit})
	}
	due, err := find(leased, at, limit)
	if err != nil || len(due) == limit {
		return due, err
	}
	fresh, err := find(waiting, now, limit-len(due))
	return append(due, fresh...), err
}

// serve brings every recipient of a batch one step further.
func (s *Service) serve(ctx context.Context, b *batch) (total Progress, err error) {
	var fresh, doubtful []*claimed
	for _, r := range b.rows {
		if r.State == Submitting || r.State == InDoubt {
			doubtful = append(doubtful, r)
		} else {
			fresh = append(fresh, r)
		}
	}
	if len(doubtful) > 0 {
		if total, err = s.resolve(ctx, b, doubtful); err != nil {
			return total, err
		}
	}
	if len(fresh) == 0 {
		return total, nil
	}
	if b.row.State == Cancelled {
		return total, s.sweep(ctx, b.campaign.ID)
	}
	ready, p, err := s.prepare(ctx, b, fresh)
	total.add(p)
	if err != nil {
		return total, errors.Join(err, s.putBack(ctx, b, fresh, s.now().Add(s.cfg.Backoff)))
	}
	for i, c := range chunks(s, ready) {
		if ctx.Err() != nil { // shutting down: what is not durable as submitting goes back
			return total, s.putBack(context.WithoutCancel(ctx), b, ready[i:], s.now())
		}
		p, err := s.submit(ctx, b, c)
		total.add(p)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// chunks cuts recipients into the pieces whose submits become durable together, by
// the index of their first: one at a time where doubt could not be resolved, unless the
// provider takes batches anyway.
func chunks(s *Service, ready []*claimed) func(func(int, []*claimed) bool) {
	return func(yield func(int, []*claimed) bool) {
		for i := 0; i < len(ready); {
			n := 1
			_, batches := s.cfg.Senders[ready[i].msg.Channel].(Batcher)
			if batches || s.resolvable(ready[i].msg.Channel) {
				for n < s.cfg.Chunk && i+n < len(ready) && ready[i+n].msg.Channel == ready[i].msg.Channel {
					n++
				}
			}
			if !yield(i, ready[i:i+n]) {
				return
			}
			i += n
		}
	}
}

func (s *Service) resolvable(ch Channel) bool {
	switch s.cfg.Senders[ch].(type) {
	case Idempotent, Asker:
		return true
	}
	return false
}

// mine reads a recipient again and tells whether this batch's claim still holds.
func mine(tx Tx, b *batch, r *claimed) (Recipient, bool, error) {
	cur, ok, err := get[Recipient](tx, b.campaign.ID, b.occ.ID, string(r.Customer))
	return cur, ok && cur.fence == b.fence && cur.life == leased, err
}

// putBack gives claimed recipients back that were not submitted.
func (s *Service) putBack(ctx context.Context, b *batch, rows []*claimed, due time.Time) error {
	return s.updateAhead(ctx, func(tx *ahead) error {
		if err := tx.readRecipients(b, rows); err != nil {
			return err
		}
		for _, r := range rows {
			cur, ok, err := mine(tx, b, r)
			if err != nil {
				return err
			}
			if !ok || cur.State != Pending && cur.State != Held {
				continue
			}
			cur.wait(cur.State, cur.Reason, due)
			if err := put(tx, &cur); err != nil {
				return err
			}
		}
		return nil
	})
}

// submit makes the submits of a chunk durable, after the gate agreed once more in the
// same transaction, and then hands the messages over.
func (s *Service) submit(ctx context.Context, b *batch, rows []*claimed) (total Progress, err error) {
	var send []*claimed
	tried := map[*claimed]bool{} // made durable by a run of the transaction that may have been committed
	err = s.updateAhead(ctx, func(tx *ahead) error {
		total, send = Progress{}, send[:0]
		if err := tx.readRecipients(b, rows); err != nil {
			return err
		}
		now := s.now()
		row, _, err := get[campaignRow](tx, b.campaign.ID)
		if err != nil {
			return err
		}
		if row.State != Running || row.Revision != b.campaign.Revision {
			// Paused, cancelled or edited meanwhile: the next claim sees what is to be done.
			return giveBack(tx, b, rows, now)
		}
		at, err := s.leaseNow(tx)
		if err != nil {
			return err
		}
		if err := errors.Join(tx.readDeliveries(rows), s.readFacts(tx, b, rows, now)); err != nil {
			return err
		}
		for _, r := range rows {
			cur, ok, err := mine(tx, b, r)
			if err != nil {
				return err
			}
			if !ok || !cur.Due.After(at) {
				continue
			}
			if cur.State == Submitting && tried[r] {
				send = append(send, r) // the commit arrived, only its answer was lost
				continue
			}
			if cur.State != Pending && cur.State != Held {
				continue
			}
			r.Recipient = cur
			f, err := s.facts(tx, b, r, now)
			if err != nil {
				return err
			}
			r.verdict = judge(f)
			if r.verdict.Decision == Send {
				if err := s.place(tx, r, now); err != nil {
					return err
				}
			}
			if r.verdict.Decision == Send {
				if err := s.spend(tx, b, r); err != nil {
					return err
				}
			}
			if r.verdict.Decision != Send {
				if err := s.settle(tx, b, r, now, &total); err != nil {
					return err
				}
				continue
			}
			if err := s.durable(tx, b, r, now); err != nil {
				return err
			}
			send, tried[r] = append(send, r), true
		}
		return nil
	})
	if err != nil || len(send) == 0 {
		return total, err
	}
	results := s.handOver(ctx, b, send)
	p, err := s.record(context.WithoutCancel(ctx), b, send, results)
	total.add(p)
	return total, err
}

func giveBack(tx Tx, b *batch, rows []*claimed, now time.Time) error {
	for _, r := range rows {
		cur, ok, err := mine(tx, b, r)
		if err != nil {
			return err
		}
		if ok && (cur.State == Pending || cur.State == Held) {
			cur.wait(cur.State, cur.Reason, now)
			if err := put(tx, &cur); err != nil {
				return err
			}
		}
	}
	return nil
}

// durable writes that the message is being submitted. From here on it counts as
// sent, unless the provider definitely says otherwise.
func (s *Service) durable(tx Tx, b *batch, r *claimed, now time.Time) error {
	r.State, r.Reason, r.Detail = Submitting, "", r.verdict.detail()
	r.Revision, r.Updated, r.Channel, r.Variant = b.campaign.Revision, now, r.msg.Channel, r.msg.Variant
	if err := put(tx, &r.Recipient); err != nil {
		return err
	}
	d, again, err := get[Delivery](tx, r.msg.Key)
	if err != nil {
		return err
	}
	if !again {
		d = Delivery{Key: r.msg.Key, Campaign: b.campaign.ID, Occurrence: b.occ.ID, Customer: r.Customer, Purpose: b.campaign.Purpose}
	}
	if d.Status != StatusSubmitting {
		d.Submitted = now // else a provider counts its memory of the key from the first try
	}
	d.Channel, d.Address, d.Status, d.Failure = r.msg.Channel, r.msg.To, StatusSubmitting, ""
	d.Variant, d.Subject, d.Text, d.Revision = r.msg.Variant, r.msg.Subject, r.msg.Text, b.campaign.Revision
	d.Cost, d.Refunded = r.cost, false
	if r.msg.Coupon != nil {
		d.Coupon = r.msg.Coupon.Code
	}
	return put(tx, &d)
}

// settle writes a verdict that sends nothing now.
func (s *Service) settle(tx Tx, b *batch, r *claimed, now time.Time, p *Progress) error {
	r.Revision, r.Updated, r.Reason, r.Detail = b.campaign.Revision, now, r.verdict.Reason, r.verdict.detail()
	if r.content.Channel != "" {
		r.Channel = r.content.Channel
	}
	if r.msg.Variant != "" {
		r.Variant = r.msg.Variant
	}
	if r.verdict.Decision == Hold {
		r.wait(Held, r.verdict.Reason, r.verdict.Until)
		p.Held++
	} else {
		r.end(Dropped, r.verdict.Reason)
		p.Decided++
		// A submit in doubt that was to be repeated and now must not be stays in doubt.
		d, found, err := get[Delivery](tx, r.msg.Key)
		if err != nil {
			return err
		}
		if found && d.Status == StatusSubmitting {
			r.end(Unknown, ReasonUnsure)
			d.Status = StatusUnknown
			if err := put(tx, &d); err != nil {
				return err
			}
			if err := s.countFailures(tx, b, 1); err != nil {
				return err
			}
		}
	}
	return put(tx, &r.Recipient)
}

func (r *Recipient) end(state RecipientState, reason string) {
	r.State, r.Reason, r.life, r.Due = state, reason, ended, time.Time{}
}

// wait gives a recipient back, to be worked on at an instant of the service's clock.
func (r *Recipient) wait(state RecipientState, reason string, due time.Time) {
	r.State, r.Reason, r.life, r.Due = state, reason, waiting, due
}
