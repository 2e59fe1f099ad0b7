package message

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// outcome is what became of one submit.
type outcome struct {
	kind   outcomeKind
	id     string // the provider's, when it took the message
	reason string
	after  time.Duration // before the next try
}

type outcomeKind uint8

const (
	untouched outcomeKind = iota // not handed over at all
	accepted
	rejected // definitely not, and never
	again    // definitely not now
	unsure
)

// handOver gives the messages to the sender, one after the other. It stops handing
// over when the claim or the gate's verdict runs out, or when the program shuts down:
// what was not handed over goes back.
func (s *Service) handOver(ctx context.Context, b *batch, send []*claimed) []outcome {
	out := make([]outcome, len(send))
	if sender, ok := s.cfg.Senders[send[0].msg.Channel].(Batcher); ok && sameChannel(send) {
		s.handOverBatch(ctx, b, send, sender, out)
		return out
	}
	for i, r := range send {
		now := s.now()
		if ctx.Err() != nil || !r.mayGo(b, now) {
			continue
		}
		sender := s.cfg.Senders[r.msg.Channel]
		if sender == nil {
			out[i] = outcome{kind: rejected, reason: fmt.Sprintf("no sender for %s", r.msg.Channel)}
			continue
		}
		// A shutdown waits for the message that is under way.
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.deadline.Sub(now))
		got, err := sender.Send(call, r.msg)
		cancel()
		out[i] = classify(got, err)
	}
	return out
}

// mayGo tells whether claim and verdict still hold.
func (r *claimed) mayGo(b *batch, now time.Time) bool {
	return b.alive.Err() == nil && now.Before(b.deadline) && (r.verdict.Until.IsZero() || now.Before(r.verdict.Until))
}

func sameChannel(send []*claimed) bool {
	for _, r := range send {
		if r.msg.Channel != send[0].msg.Channel {
			return false
		}
	}
	return true
}

// handOverBatch gives all messages to the sender at once.
func (s *Service) handOverBatch(ctx context.Context, b *batch, send []*claimed, sender Batcher, out []outcome) {
	now := s.now()
	var ms []Message
	var places []int
	for i, r := range send {
		if ctx.Err() == nil && r.mayGo(b, now) {
			ms, places = append(ms, r.msg), append(places, i)
		}
	}
	if len(ms) == 0 {
		return
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.deadline.Sub(now))
	defer cancel()
	answers, err := sender.SendBatch(call, ms)
	if err == nil && len(answers) != len(ms) {
		err = fmt.Errorf("the sender gave %d answers to %d messages", len(answers), len(ms))
	}
	for k, i := range places {
		if err != nil {
			out[i] = outcome{kind: unsure, reason: err.Error()}
		} else {
			out[i] = classify(answers[k].Receipted, answers[k].Err)
		}
	}
}

func classify(got Receipted, err error) outcome {
	var retry *retryError
	switch {
	case err == nil:
		return outcome{kind: accepted, id: got.ID}
	case errors.Is(err, ErrRejected):
		return outcome{kind: rejected, reason: err.Error()}
	case errors.As(err, &retry):
		return outcome{kind: again, reason: err.Error(), after: retry.after}
	case errors.Is(err, ErrRetry):
		return outcome{kind: again, reason: err.Error()}
	}
	return outcome{kind: unsure, reason: err.Error()}
}

// record writes the outcomes of a chunk.
func (s *Service) record(ctx context.Context, b *batch, rows []*claimed, out []outcome) (total Progress, err error) {
	err = s.updateAhead(ctx, func(tx *ahead) error {
		total = Progress{}
		if err := errors.Join(tx.readRecipients(b, rows), tx.readDeliveries(rows)); err != nil {
			return err
		}
		failures := 0
		for i, r := range rows {
			d, found, err := get[Delivery](tx, r.msg.Key)
			if err != nil {
				return err
			}
			// Who was erased meanwhile has another name, which the delivery knows.
			cur, ok, err := get[Recipient](tx, b.campaign.ID, b.occ.ID, string(d.Customer))
			if err != nil {
				return err
			}
			if d.Customer != r.Customer {
				out[i].reason = ""
			}
			if !ok || !found {
				return fmt.Errorf("message: the store lost the submit %s", r.msg.Key)
			}
			if cur.fence != b.fence {
				// The lease ran out before the provider answered. That it took the message
				// is the truth all the same.
				if out[i].kind != accepted || cur.State == Submitted {
					continue
				}
			} else if cur.State != Submitting {
				continue
			}
			failed, err := s.apply(tx, b, &cur, &d, out[i], &total)
			if err != nil {
				return err
			}
			if failed {
				failures++
			}
		}
		return s.countFailures(tx, b, failures)
	})
	return total, err
}

func (s *Service) countFailures(tx Tx, b *batch, failures int) error {
	if failures == 0 {
		return nil
	}
	o, _, err := get[Occurrence](tx, b.campaign.ID, b.occ.ID)
	if err != nil {
		return err
	}
	o.Failures += failures
	return put(tx, &o)
}

// apply writes one outcome on the recipient and the delivery, and tells whether the
// recipient ended without having got the message.
func (s *Service) apply(tx Tx, b *batch, cur *Recipient, d *Delivery, o outcome, p *Progress) (failed bool, err error) {
	now := s.now()
	cur.Updated = now
	switch o.kind {
	case accepted:
		d.Status, d.Provider, d.Accepted, d.Failure = StatusAccepted, o.id, now, ""
		if !d.Delivered.IsZero() {
			d.Status = StatusDelivered
		}
		cur.end(Submitted, "")
		cur.fence = 0
		p.Submitted++
		if t := b.campaign.Trigger; t != nil && t.On == ConsentDue {
			if err := s.endDuty(tx, b.occ.ID, "message "+d.Key); err != nil {
				return false, err
			}
		}
	case untouched:
		d.Status = StatusRetry
		cur.wait(Pending, cur.Reason, now)
	case unsure:
		d.Failure = o.reason
		if s.resolvable(d.Channel) {
			cur.wait(InDoubt, o.reason, now.Add(s.backoff(cur.Attempts)))
			break
		}
		d.Status = StatusUnknown
		cur.end(Unknown, ReasonUnsure)
		cur.Detail += "\nsubmit: " + o.reason
		p.Decided++
		failed = true
	case again:
		d.Status, d.Failure = StatusRetry, o.reason
		if cur.Attempts++; cur.Attempts < s.cfg.Tries {
			cur.wait(Pending, o.reason, now.Add(max(o.after, s.backoff(cur.Attempts-1))))
			break
		}
		failed = s.failed(b, cur, d, ReasonRetries, o.reason, now, p)
	case rejected:
		failed = s.failed(b, cur, d, ReasonRejected, o.reason, now, p)
	}
	if o.kind == again || o.kind == rejected || o.kind == untouched {
		if err := s.refund(tx, d); err != nil {
			return failed, err
		}
	}
	if err := put(tx, d); err != nil {
		return failed, err
	}
	return failed, put(tx, cur)
}

// failed ends a definite failure: the next content is tried, if there is one.
func (s *Service) failed(b *batch, cur *Recipient, d *Delivery, reason, why string, now time.Time, p *Progress) bool {
	d.Status, d.Failure, d.Failed = StatusFailed, why, now
	cur.Detail += "\nsubmit on " + string(d.Channel) + ": " + why
	_, contents := b.campaign.variant(drawn(b.campaign.ID, "variant", cur.Customer))
	if cur.Step+1 < len(contents) {
		cur.Step, cur.Attempts = cur.Step+1, 0
		cur.wait(Pending, "", now)
		return false
	}
	cur.end(Failed, reason)
	p.Decided++
	return true
}

func (s *Service) backoff(n int) time.Duration { return s.cfg.Backoff << min(n, 10) }

// resolve finds out what became of submits without an answer: by asking, by sending
// again under the same key where the provider remembers it, or not at all.
func (s *Service) resolve(ctx context.Context, b *batch, rows []*claimed) (total Progress, err error) {
	for _, r := range rows {
		d, doubt, err := s.doubted(ctx, b, r)
		if err != nil {
			return total, err
		}
		if !doubt {
			continue
		}
		o := outcome{kind: unsure}
		resend := false
		if d.Status != StatusSubmitting { // a receipt was faster than this question
			o = outcome{kind: accepted, id: d.Provider}
			if d.Status == StatusFailed {
				o = outcome{kind: rejected, reason: d.Failure}
			}
		} else if sender, ok := s.cfg.Senders[d.Channel].(Asker); ok {
			call, cancel := context.WithTimeout(ctx, s.cfg.Lease)
			answer, err := sender.Ask(call, d.Key)
			cancel()
			switch {
			case err != nil:
				o.reason = err.Error()
			case answer.Known && answer.Rejected != "":
				o = outcome{kind: rejected, reason: answer.Rejected}
			case answer.Known:
				o = outcome{kind: accepted, id: answer.ID}
			default:
				resend = true
			}
		} else if sender, ok := s.cfg.Senders[d.Channel].(Idempotent); ok {
			resend = b.row.State == Running && s.now().Sub(d.Submitted) < sender.Remembers()
		}
		p, err := s.resolved(context.WithoutCancel(ctx), b, r, d, o, resend)
		total.add(p)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// doubted is the submit that a recipient's doubt is about: the one that is on record as
// being made, or the last one when a receipt has told what became of it. There is no
// doubt any more when the worker that submitted it came back after its lease.
func (s *Service) doubted(ctx context.Context, b *batch, r *claimed) (d Delivery, doubt bool, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		_, ours, err := mine(tx, b, r)
		if err != nil || !ours {
			return err
		}
		all, err := scan[Delivery](tx, Range{Index: 2, Equal: []any{b.campaign.ID, string(r.Customer)}})
		for _, one := range all {
			if one.Occurrence != b.occ.ID || one.Status == StatusRetry {
				continue
			}
			if !doubt || one.Status == StatusSubmitting || d.Status != StatusSubmitting && one.Submitted.After(d.Submitted) {
				d, doubt = one, true
			}
		}
		if err == nil && !doubt {
			err = fmt.Errorf("message: the store lost the submit to %s", r.Customer)
		}
		return err
	})
	return d, doubt, err
}

// resolved writes what was found out about a doubtful submit.
func (s *Service) resolved(ctx context.Context, b *batch, r *claimed, d Delivery, o outcome, resend bool) (p Progress, err error) {
	err = s.store.Update(ctx, func(tx Tx) error {
		p = Progress{}
		cur, ok, err := mine(tx, b, r)
		if err != nil || !ok || cur.State != Submitting && cur.State != InDoubt {
			return err
		}
		asked := d.Status
		d, _, err := get[Delivery](tx, d.Key)
		if err != nil {
			return err
		}
		if d.Status != asked { // a receipt came meanwhile, and counts
			cur.wait(cur.State, cur.Reason, s.now())
			return put(tx, &cur)
		}
		now := s.now()
		cur.Updated = now
		switch {
		case resend && b.row.State == Cancelled:
			d.Status, d.Failure, d.Failed = StatusFailed, ReasonCancelled, now
			if err := s.refund(tx, &d); err != nil {
				return err
			}
			if err := put(tx, &d); err != nil {
				return err
			}
			cur.end(Dropped, ReasonCancelled)
			p.Decided++
			return put(tx, &cur)
		case resend:
			if _, asked := s.cfg.Senders[d.Channel].(Asker); asked {
				d.Status = StatusRetry // the provider never saw it
				if err := s.refund(tx, &d); err != nil {
					return err
				}
				if err := put(tx, &d); err != nil {
					return err
				}
			}
			cur.wait(Pending, "", now)
			return put(tx, &cur)
		case o.kind == unsure:
			cur.Attempts++
			_, asks := s.cfg.Senders[d.Channel].(Asker)
			if asks && cur.Attempts < s.cfg.Tries {
				cur.wait(InDoubt, o.reason, now.Add(s.backoff(cur.Attempts)))
				return put(tx, &cur)
			}
			d.Status = StatusUnknown
			cur.end(Unknown, ReasonUnsure)
			p.Decided++
			if err := s.countFailures(tx, b, 1); err != nil {
				return err
			}
			if err := put(tx, &d); err != nil {
				return err
			}
			return put(tx, &cur)
		}
		failed, err := s.apply(tx, b, &cur, &d, o, &p)
		if err != nil || !failed {
			return err
		}
		return s.countFailures(tx, b, 1)
	})
	return p, err
}

// sweep ends what a cancelled campaign will not do any more, page by page. Submits in
// doubt stay, to be asked about.
func (s *Service) sweep(ctx context.Context, id string) error {
	for more := true; more; {
		err := s.store.Update(ctx, func(tx Tx) error {
			more = false
			row, _, err := get[campaignRow](tx, id)
			if err != nil || row.State != Cancelled {
				return err
			}
			now := s.now()
			planned, err := scan[Occurrence](tx, Range{Index: 2, Equal: []any{id, string(OccurrencePlanned)}, Limit: planPage})
			if err != nil {
				return err
			}
			for _, o := range planned {
				o.end(OccurrenceCancelled, ReasonCancelled, now)
				if err := put(tx, &o); err != nil {
					return err
				}
				more = true
			}
			running, err := scan[Occurrence](tx, Range{Index: 2, Equal: []any{id, string(OccurrenceRunning)}})
			if err != nil {
				return err
			}
			for _, o := range running {
				n, err := s.sweepPage(tx, o, now)
				if err != nil {
					return err
				}
				more = more || n > 0
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepPage drops recipients of one occurrence, and ends it with the last one.
func (s *Service) sweepPage(tx Tx, o Occurrence, now time.Time) (n int, err error) {
	r := Range{Index: 1, Equal: []any{o.Campaign, o.ID}, From: int64(waiting), Limit: audiencePage}
	live, left := 0, false
	for {
		rows, err := scan[Recipient](tx, r)
		if err != nil {
			return n, err
		}
		for _, rec := range rows {
			if rec.State == Submitting || rec.State == InDoubt {
				live++
				continue
			}
			rec.end(Dropped, ReasonCancelled)
			rec.fence, rec.Updated = 0, now
			if err := put(tx, &rec); err != nil {
				return n, err
			}
			n++
		}
		if len(rows) < r.Limit {
			break
		}
		if n >= audiencePage {
			left = true
			break
		}
		r.After = encodeRow(&rows[len(rows)-1])
	}
	if live > 0 || left {
		if !o.Frozen {
			o.Frozen = true
			return n, put(tx, &o)
		}
		return n, nil
	}
	o.Frozen = true
	if err := s.free(tx, &o); err != nil {
		return n, err
	}
	o.end(OccurrenceCancelled, ReasonCancelled, now)
	return n, put(tx, &o)
}
