package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// dispatchGoal is what a dispatch through the gate has to reach of one that claims
// and marks and asks nothing.
const dispatchGoal = 0.8

// dispatchAll measures a campaign's dispatch beside a hand-written one, from the first
// message that a sender is handed until everything is recorded; and, as whole, with
// the freeze of its audience before.
func dispatchAll(ctx context.Context, o options, e *engine, add func(line)) error {
	store, err := messagesql.Open(ctx, e.db, e.dialect, messagesql.Options{Readers: e.readers})
	if err != nil {
		return err
	}
	ours := &campaigns{store: store, people: people(o.messages), clock: day()}
	peer := &batches{e: e, people: ours.people}
	if err := errors.Join(ours.agree(ctx), peer.create(ctx)); err != nil {
		return err
	}
	for _, purpose := range []message.Purpose{message.Informational, message.Advertising} {
		for _, workers := range o.workers {
			var whole []float64
			m, err := byTurns(o.rounds,
				func() (float64, error) {
					rate, all, err := ours.run(ctx, purpose, workers)
					whole = append(whole, all)
					return rate, err
				},
				func() (float64, error) { return peer.run(ctx, workers) })
			if err != nil {
				return err
			}
			add(line{Work: "dispatch, " + string(purpose), Workers: workers, Ours: m[0], Peer: m[1], Name: "batches of 100", Goal: dispatchGoal})
			slices.Sort(whole)
			add(line{Work: "with freezing the audience", Workers: workers, Ours: whole[len(whole)/2], Name: "alone"})
		}
	}
	return nil
}

// people are customers in order.
func people(n int) []dangol.CustomerID {
	out := make([]dangol.CustomerID, n)
	for i := range out {
		out[i] = dangol.CustomerID(fmt.Sprintf("c%09d", i))
	}
	return out
}

// host is the shop around the service, which costs next to nothing: a group of all,
// contacts, and a provider that takes everything at once and can be asked.
type host struct {
	all   []dangol.CustomerID
	began *atomic.Int64 // when the first message was handed over
}

func (h host) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	return dangol.Snapshot{Group: group, Version: 1, Count: len(h.all)}, nil
}

func (h host) Members(_ context.Context, _ dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error) {
	i, found := slices.BinarySearch(h.all, after)
	if found {
		i++
	}
	return h.all[i:min(len(h.all), i+limit)], nil
}

func (h host) Contains(context.Context, dangol.Snapshot, dangol.CustomerID) (bool, error) {
	return true, nil
}
func (h host) Hold(context.Context, string, dangol.Use) error    { return nil }
func (h host) Release(context.Context, string, dangol.Use) error { return nil }

func (h host) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := make(map[dangol.CustomerID]message.Contact, len(ids))
	for _, id := range ids {
		out[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: string(id)}, Vars: map[string]any{"name": "손님"}}
	}
	return out, nil
}

func (h host) Send(context.Context, message.Message) (message.Receipted, error) {
	h.began.CompareAndSwap(0, time.Now().UnixNano())
	return message.Receipted{}, nil
}

func (h host) Ask(context.Context, string) (message.Answer, error) { return message.Answer{}, nil }

// campaigns sends one after the other to the same people.
type campaigns struct {
	store  message.Store
	people []dangol.CustomerID
	clock  dangol.Clock // of all of them, so that what was agreed to stays in the past
	sent   int
}

// day runs as time does, from ten in the morning in Seoul on, so that advertising may
// go out whenever the benchmark runs.
func day() dangol.Clock {
	began, ten := time.Now(), time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	return dangol.ClockFunc(func() time.Time { return ten.Add(time.Since(began)) })
}

func (c *campaigns) service(workers int) (*message.Service, *atomic.Int64, error) {
	h := host{c.people, &atomic.Int64{}}
	s, err := message.New(message.Config{
		Store: c.store, Audience: h, Contacts: h, Senders: map[message.Channel]message.Sender{message.SMS: h},
		Clock: c.clock, Sender: message.Identity{Name: "단골", OptOut: "무료거부 0801234567"}, Workers: workers,
	})
	return s, h.began, err
}

// agree records everybody's consent to advertising, given the day before: each campaign
// begins at ten anew.
func (c *campaigns) agree(ctx context.Context) error {
	s, _, err := c.service(1)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(c.people, 1000) {
		var lines []message.Consent
		for _, id := range part {
			lines = append(lines, message.Consent{Customer: id, Granted: true, At: time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)})
		}
		if err := s.RecordConsent(ctx, lines...); err != nil {
			return err
		}
	}
	return nil
}

// run sends one campaign and says how many messages a second were dispatched, and how
// many a second with the freeze of the audience.
func (c *campaigns) run(ctx context.Context, purpose message.Purpose, workers int) (rate, whole float64, err error) {
	s, first, err := c.service(workers)
	if err != nil {
		return 0, 0, err
	}
	c.sent++
	campaign := message.Campaign{
		ID: fmt.Sprint("campaign-", c.sent), Name: "Spring", Groups: []string{"all"}, Purpose: purpose,
		Schedule: message.Schedule{Start: c.clock.Now()},
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 주문이 왔어요."}}, AllowLMS: true,
	}
	if _, err := s.Save(ctx, campaign); err != nil {
		return 0, 0, err
	}
	if err := s.Start(ctx, campaign.ID); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	sent := 0
	for sent < len(c.people) && time.Since(began) < 3*time.Minute {
		p, err := s.Tick(ctx) // once, unless the machine stands still for longer than a lease
		if err != nil {
			return 0, 0, err
		}
		if sent += p.Submitted; sent < len(c.people) {
			time.Sleep(100 * time.Millisecond)
		}
	}
	ended := time.Now()
	if sent != len(c.people) {
		return 0, 0, fmt.Errorf("%d messages went out instead of %d", sent, len(c.people))
	}
	n := float64(sent)
	return n / ended.Sub(time.Unix(0, first.Load())).Seconds(), n / ended.Sub(began).Seconds(), nil
}

// batches is the dispatch that a shop writes by hand: workers claim a hundred rows
// that no other has, hand them over, and mark them in one statement. It asks no gate,
// knows no crash in between, and keeps no text.
type batches struct {
	e      *engine
	people []dangol.CustomerID
}

const claimed = 100

func (b *batches) create(ctx context.Context) error {
	table := "CREATE TABLE hand_sends (id bigint PRIMARY KEY, customer varchar(64) NOT NULL, address varchar(64) NOT NULL, state integer NOT NULL, worker integer NOT NULL, at bigint NOT NULL)"
	index := "CREATE INDEX hand_sends_due ON hand_sends (id) WHERE state = 0"
	if b.e.dialect == sqlstore.MySQL {
		index = "CREATE INDEX hand_sends_due ON hand_sends (state, id)"
	}
	return b.e.exec(ctx, table, index)
}

// fill makes everybody's row anew.
func (b *batches) fill(ctx context.Context) error {
	empty := "TRUNCATE TABLE hand_sends"
	if b.e.dialect == sqlstore.SQLite {
		empty = "DELETE FROM hand_sends"
	}
	if err := b.e.exec(ctx, empty); err != nil {
		return err
	}
	for i := 0; i < len(b.people); i += 500 {
		var rows []string
		for j := i; j < min(i+500, len(b.people)); j++ {
			rows = append(rows, fmt.Sprintf("(%d, '%s', '%s', 0, 0, 0)", j, b.people[j], b.people[j]))
		}
		if err := b.e.exec(ctx, "INSERT INTO hand_sends VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}

func (b *batches) run(ctx context.Context, workers int) (float64, error) {
	if err := b.fill(ctx); err != nil {
		return 0, err
	}
	var sent atomic.Int64
	errs := make([]error, workers)
	began := time.Now()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for {
				ids, err := b.claim(ctx, w+1)
				if err == nil && len(ids) > 0 {
					err = b.mark(ctx, ids)
				}
				if err != nil || len(ids) == 0 {
					errs[w] = err
					return
				}
				sent.Add(int64(len(ids)))
			}
		})
	}
	wg.Wait()
	rate := float64(sent.Load()) / time.Since(began).Seconds()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	if int(sent.Load()) != len(b.people) {
		return 0, fmt.Errorf("the peer sent %d messages instead of %d", sent.Load(), len(b.people))
	}
	return rate, nil
}

func (b *batches) claim(ctx context.Context, worker int) (ids []int64, err error) {
	switch b.e.dialect {
	case sqlstore.Postgres:
		return scanIDs(b.e.db.QueryContext(ctx, `UPDATE hand_sends SET state = 1, worker = $1 WHERE id IN (
			SELECT id FROM hand_sends WHERE state = 0 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id, address`, worker, claimed))
	case sqlstore.SQLite:
		return scanIDs(b.e.db.QueryContext(ctx, `UPDATE hand_sends SET state = 1, worker = ? WHERE id IN (
			SELECT id FROM hand_sends WHERE state = 0 ORDER BY id LIMIT ?) RETURNING id, address`, worker, claimed))
	}
	err = sqlstore.InTx(ctx, b.e.db, b.e.dialect, func(tx *sql.Tx) error {
		ids, err = scanIDs(tx.QueryContext(ctx, "SELECT id, address FROM hand_sends WHERE state = 0 ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED", claimed))
		if err != nil || len(ids) == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE hand_sends SET state = 1, worker = ? WHERE id IN "+listOf(ids), worker)
		return err
	})
	return ids, err
}

func (b *batches) mark(ctx context.Context, ids []int64) error {
	at := time.Now().UnixMicro()
	if b.e.dialect == sqlstore.Postgres {
		_, err := b.e.db.ExecContext(ctx, "UPDATE hand_sends SET state = 2, at = $1 WHERE id = ANY($2) AND state = 1", at, ids)
		return err
	}
	_, err := b.e.db.ExecContext(ctx, "UPDATE hand_sends SET state = 2, at = ? WHERE id IN "+listOf(ids)+" AND state = 1", at)
	return err
}

func listOf(ids []int64) string {
	return "(" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(ids)), ", "), "[]") + ")"
}

func scanIDs(rows *sql.Rows, err error) (ids []int64, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var address string
		if err := rows.Scan(&id, &address); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
