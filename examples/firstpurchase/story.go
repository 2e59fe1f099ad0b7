package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmentsql"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// What the marketer configures.
const (
	group    = "new-without-order"
	rule     = `joined within 7d and not orders(7d) >= 1`
	welcome  = "welcome"        // the coupon
	campaign = "first-purchase" // the message
)

// shop is the host: its own data and the three services, wired together over one
// database file and one simulated clock.
type shop struct {
	db       *sql.DB
	now      time.Time
	all      []newcomer
	data     store.Store
	groups   *segment.Service
	coupons  *coupon.Service
	messages *message.Service
	outbox   string // what the file sender took
}

func open(ctx context.Context, db *sql.DB, sender message.Sender, outbox string) (*shop, error) {
	s := &shop{db: db, outbox: outbox, all: generate(), now: clock(0, 18, 0)}
	clk := dangol.ClockFunc(func() time.Time { return s.now })

	data, err := sqlstore.Open(ctx, db, sqlstore.SQLite, catalog.Shop(), sqlstore.Options{Clock: clk})
	if err != nil {
		return nil, err
	}
	s.data = data

	groupState, err := segmentsql.Open(ctx, db, sqlstore.SQLite, segmentsql.Options{Clock: clk})
	if err != nil {
		return nil, err
	}
	s.groups, err = segment.New(segment.Config{Data: s.data, State: groupState, Clock: clk, Zone: seoul, Owner: "firstpurchase"})
	if err != nil {
		return nil, err
	}

	couponState, err := couponsql.Open(ctx, db, sqlstore.SQLite, couponsql.Options{})
	if err != nil {
		return nil, err
	}
	s.coupons, err = coupon.New(couponState, coupon.Config{
		Clock: clk, Zone: seoul, Audience: s.groups,
		LinkBase: "https://shop.example/coupons",
		// A real shop keeps its secret out of its source.
		LinkSecrets: [][]byte{[]byte("thirty-two bytes for an example!")},
	})
	if err != nil {
		return nil, err
	}

	messageState, err := messagesql.Open(ctx, db, sqlstore.SQLite, messagesql.Options{Clock: clk})
	if err != nil {
		return nil, err
	}
	s.messages, err = message.New(message.Config{
		Store: messageState, Clock: clk, Zone: seoul,
		Audience:  s.groups,
		Contacts:  contacts{s.data},
		Coupons:   message.CouponsFunc(s.giveCoupon),
		Senders:   map[message.Channel]message.Sender{message.KakaoBrand: sender},
		Sender:    message.Identity{Name: "단골상점", Contact: "02-000-0000", OptOut: "무료수신거부 080-000-0000"},
		Variables: []string{"name"},
	})
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS story (step TEXT PRIMARY KEY, note TEXT NOT NULL)")
	return s, err
}

// giveCoupon is what a coupon block of a message asks for: the customer's own
// coupon, the same for the same key.
func (s *shop) giveCoupon(ctx context.Context, definition string, to dangol.CustomerID, key string) (code, url string, err error) {
	g, err := s.coupons.Issue(ctx, coupon.Issue{Key: key, Definition: definition, Customer: to, Campaign: campaign, Group: group})
	if err != nil {
		return "", "", err
	}
	url, err = s.coupons.Link(g)
	return coupon.FormatCode(g.Code), url, err
}

// contacts reads addresses and names out of the shop's own data.
type contacts struct{ data store.Store }

func (c contacts) Contacts(ctx context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := map[dangol.CustomerID]message.Contact{}
	for _, id := range ids {
		customer, err := c.data.Customer(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[id] = message.Contact{
			Addresses: map[message.Channel]string{message.KakaoBrand: customer.Attributes["phone"].Text()},
			Vars:      map[string]any{"name": customer.Attributes["name"].Text()},
		}
	}
	return out, nil
}

// step is one piece of the story. What it does may be repeated: everything in it is
// idempotent by itself or by a key.
type step struct {
	name string
	at   time.Time
	do   func(context.Context) (note string, err error)
}

// quietly is a step without a note.
func quietly(do func(context.Context) error) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) { return "", do(ctx) }
}

func (s *shop) story() []step {
	takeUp := func(from, to time.Time) func(context.Context) (string, error) {
		return quietly(func(ctx context.Context) error { return s.takeUp(ctx, from, to) })
	}
	evening := clock(0, 18, 0)
	steps := []step{
		{"the shop's data", evening, takeUp(time.Time{}, evening)},
		{"the group", evening, quietly(s.createGroup)},
		{"the coupon", clock(0, 18, 10), quietly(s.createCoupon)},
		{"the campaign", clock(0, 18, 20), quietly(s.createCampaign)},
		{"the evening's data", clock(1, 0, 0).Add(-time.Second), takeUp(evening, clock(1, 0, 0))},
	}
	for day := 1; day <= days; day++ {
		steps = append(steps,
			step{fmt.Sprintf("day %d, midnight", day), clock(day, 0, 0), quietly(s.refresh)},
			step{fmt.Sprintf("day %d, campaign", day), clock(day, 10, 0), quietly(func(ctx context.Context) error {
				return s.tick(ctx, clock(day, 12, 0))
			})},
			step{fmt.Sprintf("day %d, order", day), clock(day, 14, 0), quietly(func(ctx context.Context) error {
				return s.redeem(ctx, day)
			})},
			step{fmt.Sprintf("day %d, data", day), clock(day+1, 0, 0).Add(-time.Second), takeUp(clock(day, 0, 0), clock(day+1, 0, 0))},
		)
	}
	return append(steps,
		step{editStep, clock(days, 15, 0), s.editHeld},
		step{"the end", clock(days+1, 0, 0).Add(-time.Second), quietly(s.end)},
	)
}

// editStep is the step whose note tells why an edit was refused.
const editStep = "an edit of the group"

// live does the steps that are not done yet.
func (s *shop) live(ctx context.Context) error {
	for _, step := range s.story() {
		var done int
		if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM story WHERE step = ?", step.name).Scan(&done); err != nil {
			return err
		}
		s.now = step.at
		if done > 0 {
			continue
		}
		note, err := step.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if _, err := s.db.ExecContext(ctx, "INSERT OR IGNORE INTO story (step, note) VALUES (?, ?)", step.name, note); err != nil {
			return err
		}
	}
	return nil
}

// takeUp lets the shop's own tables and the consent ledger take up what happened.
func (s *shop) takeUp(ctx context.Context, from, to time.Time) error {
	if err := s.data.Apply(ctx, changes(s.all, from, to)...); err != nil {
		return err
	}
	return s.messages.RecordConsent(ctx, consents(s.all, from, to)...)
}

func (s *shop) createGroup(ctx context.Context) error {
	_, err := s.groups.Create(ctx, segment.Definition{
		ID: group, Name: "신규 회원의 첫 구매 유도하기",
		Description: "지난 7일간 가입한 회원 중 아직 첫 주문을 하지 않은 고객",
		Rule:        rule,
	})
	if errors.Is(err, segment.ErrExists) {
		return nil // created before the program was killed
	}
	return err
}

func (s *shop) createCoupon(ctx context.Context) error {
	_, err := s.coupons.Save(ctx, coupon.Definition{
		ID: welcome, Name: "신규 회원 첫 구매 쿠폰",
		Discount: coupon.Discount{Rate: 1000, Max: 5000, Unit: 100}, // 10 %, at most 5,000 won, in steps of 100
		Minimum:  coupon.Minimum{Amount: 10_000},
		Validity: coupon.Validity{Days: 3},
		Limits:   []coupon.Limit{{Uses: 1, Customer: true}},
	})
	return err
}

func (s *shop) createCampaign(ctx context.Context) error {
	_, err := s.messages.Save(ctx, message.Campaign{
		ID: campaign, Name: "신규 회원의 첫 구매 유도하기", // advertising, since nothing else is said
		Groups:   []string{group},
		Schedule: message.Schedule{Start: clock(1, 10, 0), Unit: message.Days},
		Contents: []message.Content{{
			Channel: message.KakaoBrand,
			Text:    "{{.name}}님, 가입을 환영해요! 첫 구매에 쓸 쿠폰을 드려요.",
			Coupon:  &message.CouponBlock{Definition: welcome, Type: "10%", Name: "신규 회원 첫 구매 쿠폰", Description: "받은 날부터 3일간, 1만원 이상 구매에"},
		}},
	})
	if err != nil {
		return err
	}
	return s.messages.Start(ctx, campaign)
}

func (s *shop) refresh(ctx context.Context) error {
	done, err := s.groups.Tick(ctx)
	for _, r := range done {
		err = errors.Join(err, r.Err)
	}
	return err
}

// tick lets the campaign work until the given time: now, and then whenever it says
// that something is due. After a crash that is when the dead process's claims end.
func (s *shop) tick(ctx context.Context, until time.Time) error {
	for {
		p, err := s.messages.Tick(ctx)
		if err != nil {
			return err
		}
		if p.Next.IsZero() || !p.Next.After(s.now) || !p.Next.Before(until) {
			return nil
		}
		s.now = p.Next
	}
}

// reached are the customers who got the message on a day, by id.
func (s *shop) reached(ctx context.Context, day int) ([]message.Recipient, error) {
	occurrences, err := s.messages.Occurrences(ctx, campaign)
	if err != nil {
		return nil, err
	}
	var out []message.Recipient
	for _, o := range occurrences {
		if !o.At.Equal(clock(day, 10, 0)) {
			continue
		}
		err := s.messages.Recipients(ctx, campaign, o.ID, func(r message.Recipient) error {
			if r.State == message.Submitted {
				out = append(out, r)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// buyer is the customer who uses the coupon on a day: the first whom the message
// reached. Chosen from what was sent, the choice is the same after a crash.
func (s *shop) buyer(ctx context.Context, day int) (dangol.CustomerID, bool, error) {
	reached, err := s.reached(ctx, day)
	if err != nil || len(reached) == 0 {
		return "", false, err
	}
	return reached[0].Customer, true, nil
}

func orderKey(day int) string { return fmt.Sprintf("coupon-order-%d", day) }

func cart(day int) coupon.Cart {
	return coupon.Cart{Currency: dangol.KRW, Shipping: 3000, Lines: []coupon.Line{
		{ID: "1", Product: "티셔츠", Quantity: 2, Price: 12_900},
		{ID: "2", Product: "양말", Quantity: int64(day), Price: 2_300},
	}}
}

// redeem is the checkout: reserve while the customer pays, store the order, commit.
func (s *shop) redeem(ctx context.Context, day int) error {
	id, ok, err := s.buyer(ctx, day)
	if err != nil || !ok {
		return err
	}
	wallet, err := s.coupons.Wallet(ctx, id)
	if err != nil {
		return err
	}
	if len(wallet) == 0 {
		return fmt.Errorf("%s has no coupon", id)
	}
	key := orderKey(day)
	r, err := s.coupons.Reserve(ctx, key, coupon.Request{Customer: id, Cart: cart(day), Codes: []string{wallet[0].Code}})
	if err != nil {
		return err
	}
	if err := s.data.Apply(ctx, orderRow(id, order{id: key, placed: s.now, total: paid(r)})); err != nil {
		return err
	}
	_, err = s.coupons.Commit(ctx, key, key)
	return err
}

// editHeld tries to edit the group while the campaign runs, which is refused.
func (s *shop) editHeld(ctx context.Context) (string, error) {
	_, err := s.groups.Edit(ctx, group, func(d *segment.Definition) { d.Rule = `joined within 30d` })
	if !errors.Is(err, segment.ErrHeld) {
		return "", fmt.Errorf("an edit of a held group was not refused: %v", err)
	}
	return err.Error(), nil
}

// end stops the campaign: the story is over.
func (s *shop) end(ctx context.Context) error { return s.messages.Cancel(ctx, campaign) }
