package message_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
)

var onSQLite = flag.Bool("sqlite", false, "run the tests on SQLite instead of memory")

// again is a store that has to run every transaction a second time, as an engine does
// that rolled the first one back for another's sake.
type again struct{ message.Store }

var errAgain = errors.New("rolled back for another transaction")

func (s again) Update(ctx context.Context, f func(message.Tx) error) error {
	err := s.Store.Update(ctx, func(tx message.Tx) error { return errors.Join(f(tx), errAgain) })
	if !errors.Is(err, errAgain) {
		return err
	}
	return s.Store.Update(ctx, f)
}

func sqliteStore(t *testing.T, clock dangol.Clock) message.Store {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "state.db")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec("PRAGMA synchronous = OFF")
	require.NoError(t, err)
	s, err := messagesql.Open(t.Context(), sqlstore.SQLiteWriter(db), sqlstore.SQLite, messagesql.Options{Clock: clock})
	require.NoError(t, err)
	return s
}

type customerID = dangol.CustomerID

var seoul = func() *time.Location {
	loc, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		panic(err)
	}
	return loc
}()

// kst is an instant by Seoul's clock, such as "2026-03-02 10:00".
func kst(text string) time.Time {
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(form, text, seoul); err == nil {
			return t
		}
	}
	panic("not a time: " + text)
}

// manualClock stands until it is set.
type manualClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *manualClock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *manualClock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

// groups is an Audience in memory whose edits are refused while a send holds the group.
type groups struct {
	mu      sync.Mutex
	members map[string][]dangol.CustomerID
	frozen  map[string][]dangol.CustomerID // by group and version
	version int64
	held    map[string]map[string]dangol.Use
	fail    error
}

var (
	errHeld    = errors.New("the group is held")
	errNoGroup = errors.New("no such group")
)

func newGroups() *groups {
	return &groups{members: map[string][]dangol.CustomerID{}, frozen: map[string][]dangol.CustomerID{}, held: map[string]map[string]dangol.Use{}}
}

// refresh sets the members; edit would change the rule.
func (g *groups) refresh(group string, ids ...dangol.CustomerID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids = slices.Clone(ids)
	slices.Sort(ids)
	g.version++
	g.members[group] = ids
}

func (g *groups) edit(group string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held[group]) > 0 {
		return errHeld
	}
	g.version++
	return nil
}

func (g *groups) holders(group string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.held[group])
}

func (g *groups) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids, ok := g.members[group]
	if g.fail != nil || !ok {
		return dangol.Snapshot{}, errors.Join(g.fail, errNoGroup)
	}
	snap := dangol.Snapshot{Group: group, Version: g.version, Count: len(ids)}
	g.frozen[fmt.Sprint(group, snap.Version)] = ids
	return snap, nil
}

func (g *groups) Members(_ context.Context, snap dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids := g.frozen[fmt.Sprint(snap.Group, snap.Version)]
	i, found := slices.BinarySearch(ids, after)
	if found {
		i++
	}
	return slices.Clone(ids[i:min(len(ids), i+limit)]), nil
}

func (g *groups) Contains(_ context.Context, snap dangol.Snapshot, id dangol.CustomerID) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := slices.BinarySearch(g.frozen[fmt.Sprint(snap.Group, snap.Version)], id)
	return ok, nil
}

func (g *groups) Hold(_ context.Context, group string, use dangol.Use) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.members[group]; !ok {
		return errNoGroup
	}
	if g.held[group] == nil {
		g.held[group] = map[string]dangol.Use{}
	}
	g.held[group][use.ID] = use
	return nil
}

func (g *groups) Release(_ context.Context, group string, use dangol.Use) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.held[group], use.ID)
	return nil
}

// book is Contacts: everybody is reachable, unless told otherwise.
type book struct {
	mu    sync.Mutex
	other map[dangol.CustomerID]message.Contact
	gone  map[dangol.CustomerID]bool
}

func (b *book) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[dangol.CustomerID]message.Contact{}
	for _, id := range ids {
		if c, ok := b.other[id]; ok {
			out[id] = c
		} else if !b.gone[id] {
			out[id] = contact(id)
		}
	}
	return out, nil
}

func contact(id dangol.CustomerID) message.Contact {
	return message.Contact{
		Addresses: map[message.Channel]string{message.SMS: "010-" + string(id), message.Email: string(id) + "@shop.example"},
		Vars:      map[string]any{"name": "손님 " + string(id), "points": 1200},
	}
}

// gateway is a provider: it takes each message it is given, remembers keys if told
// to, and can be made to fail.
type gateway struct {
	mu    sync.Mutex
	calls []message.Message // every call of Send
	out   []message.Message // what customers got
	keys  map[string]bool
	// before is called with every message before it is taken, and may refuse it; after
	// is called when it was taken, and may lose the answer.
	before, after func(message.Message) error
	dedupe        bool
}

func (g *gateway) Send(_ context.Context, m message.Message) (message.Receipted, error) {
	g.mu.Lock()
	g.calls = append(g.calls, m)
	before, after := g.before, g.after
	g.mu.Unlock()
	if before != nil {
		if err := before(m); err != nil {
			return message.Receipted{}, err
		}
	}
	g.mu.Lock()
	if g.keys == nil {
		g.keys = map[string]bool{}
	}
	if !g.dedupe || !g.keys[m.Key] {
		g.out = append(g.out, m)
	}
	g.keys[m.Key] = true
	g.mu.Unlock()
	if after != nil {
		if err := after(m); err != nil {
			return message.Receipted{}, err
		}
	}
	return message.Receipted{ID: "p-" + m.Key}, nil
}

func (g *gateway) sent() []message.Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.out)
}

// to lists who got something, in order of their ids, as often as they got it.
func (g *gateway) to() []dangol.CustomerID {
	var ids []dangol.CustomerID
	for _, m := range g.sent() {
		ids = append(ids, m.Customer)
	}
	slices.Sort(ids)
	return ids
}

// idempotentGateway is a gateway whose provider takes keys.
type idempotentGateway struct{ gateway }

func (*idempotentGateway) Remembers() time.Duration { return 24 * time.Hour }

// askableGateway is a gateway whose provider can be asked.
type askableGateway struct {
	gateway
	silent error // what Ask fails with
}

func (g *askableGateway) Ask(_ context.Context, key string) (message.Answer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return message.Answer{Known: g.keys[key], ID: "p-" + key}, g.silent
}

// shop is a Service with everything around it.
type shop struct {
	*message.Service
	t        *testing.T
	clock    *manualClock
	groups   *groups
	book     *book
	gateway  *gateway
	coupons  map[string]string // by key
	cfg      message.Config
	couponMu sync.Mutex
}

// newShop opens a shop at ten in the morning of 2 March 2026, a Monday.
func newShop(t *testing.T, change ...func(*message.Config)) *shop {
	t.Helper()
	s := &shop{t: t, clock: &manualClock{at: kst("2026-03-02 10:00")}, groups: newGroups(),
		book: &book{other: map[dangol.CustomerID]message.Contact{}, gone: map[dangol.CustomerID]bool{}}, gateway: &gateway{}, coupons: map[string]string{}}
	s.cfg = message.Config{
		Store: &message.MemoryStore{}, Audience: s.groups, Contacts: s.book, Clock: s.clock,
		Senders:   map[message.Channel]message.Sender{message.SMS: s.gateway, message.LMS: s.gateway, message.Email: s.gateway, message.KakaoBrand: s.gateway},
		Sender:    message.Identity{Name: "단골상점", Contact: "02-123-4567", OptOut: "무료수신거부 080-123-4567"},
		Coupons:   message.CouponsFunc(s.issue),
		Variables: []string{"name", "points", "items"},
	}
	if *onSQLite {
		s.cfg.Store = sqliteStore(t, s.clock)
	}
	s.cfg.Store = again{s.cfg.Store}
	for _, f := range change {
		f(&s.cfg)
	}
	s.reopen()
	return s
}

// reopen makes a new Service on the same state, as a restarted process does.
func (s *shop) reopen() {
	svc, err := message.New(s.cfg)
	require.NoError(s.t, err)
	s.Service = svc
}

func (s *shop) issue(_ context.Context, definition string, to dangol.CustomerID, key string) (code, url string, err error) {
	s.couponMu.Lock()
	defer s.couponMu.Unlock()
	if s.coupons[key] == "" {
		s.coupons[key] = fmt.Sprintf("C%d", len(s.coupons)+1)
	}
	return s.coupons[key], "https://shop.example/c/" + s.coupons[key], nil
}

// consent lets customers agree to advertising on every channel.
func (s *shop) consent(ids ...dangol.CustomerID) {
	s.t.Helper()
	for _, id := range ids {
		require.NoError(s.t, s.RecordConsent(s.t.Context(), message.Consent{Customer: id, Granted: true, Wording: "v1", At: kst("2026-01-01 12:00")}))
	}
}

// start saves and starts a campaign.
func (s *shop) start(c message.Campaign) {
	s.t.Helper()
	_, err := s.Save(s.t.Context(), c)
	require.NoError(s.t, err)
	require.NoError(s.t, s.Start(s.t.Context(), c.ID))
}

func (s *shop) tick() message.Progress {
	s.t.Helper()
	p, err := s.Tick(s.t.Context())
	require.NoError(s.t, err)
	return p
}

// live ticks through simulated time until the given instant.
func (s *shop) live(until time.Time) {
	s.t.Helper()
	for range 100_000 {
		p := s.tick()
		if p.Next.IsZero() || p.Next.After(until) {
			s.clock.Set(until)
			s.tick()
			return
		}
		if p.Next.After(s.clock.Now()) {
			s.clock.Set(p.Next)
		}
	}
	s.t.Fatal("time does not pass")
}

// why is the state and reason of a customer in each occurrence.
func (s *shop) why(campaign string, id dangol.CustomerID) (out []string) {
	s.t.Helper()
	rows, err := s.Why(s.t.Context(), campaign, id)
	require.NoError(s.t, err)
	for _, r := range rows {
		text := r.Occurrence + " " + string(r.State)
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		out = append(out, text)
	}
	return out
}

// ledger is the occurrences with their states and reasons.
func (s *shop) ledger(campaign string) (out []string) {
	s.t.Helper()
	all, err := s.Occurrences(s.t.Context(), campaign)
	require.NoError(s.t, err)
	for _, o := range all {
		text := o.ID + " " + string(o.State)
		if o.Reason != "" {
			text += ": " + o.Reason
		}
		out = append(out, text)
	}
	return out
}

// sums checks that the audience is the sum of the outcomes, and that all are final.
func (s *shop) sums(campaign string) message.Results {
	s.t.Helper()
	res, err := s.Results(s.t.Context(), campaign)
	require.NoError(s.t, err)
	sum := 0
	for state, n := range res.Outcomes {
		require.True(s.t, state.Final(), "%d are %s", n, state)
		sum += n
	}
	require.Equal(s.t, res.Audience, sum)
	all, err := s.Occurrences(s.t.Context(), campaign)
	require.NoError(s.t, err)
	frozen := 0
	for _, o := range all {
		frozen += o.Audience
	}
	require.Equal(s.t, frozen, res.Audience, "everybody who was frozen has an outcome")
	return res
}

func ids(n int) (out []dangol.CustomerID) {
	for i := range n {
		out = append(out, dangol.CustomerID(fmt.Sprintf("c%05d", i)))
	}
	return out
}

// daily is the campaign that most tests send: every day at ten, from 2 March 2026.
func daily() message.Campaign {
	return message.Campaign{
		ID: "daily", Name: "신규 회원의 첫 구매 유도하기", Groups: []string{"new"},
		Schedule: message.Schedule{Start: kst("2026-03-02 10:00"), Unit: message.Days},
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 쿠폰을 드려요."}},
		AllowLMS: true,
	}
}
