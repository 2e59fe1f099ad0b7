package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	_ "modernc.org/sqlite"
)

var (
	seoul   = time.FixedZone("KST", 9*60*60)
	opening = time.Date(2026, 3, 2, 9, 0, 0, 0, seoul)
	closing = opening.AddDate(0, 0, 14)
)

// shopper is a customer of the made-up shop.
type shopper struct {
	id        dangol.CustomerID
	name      string
	lastOrder time.Time
	agrees    bool
}

// shoppers are sixty customers whose last orders lie a fortnight to two years back.
func shoppers() []shopper {
	var all []shopper
	for i := range 60 {
		all = append(all, shopper{
			id: dangol.CustomerID(fmt.Sprintf("c%02d", i)), name: fmt.Sprintf("손님 %d", i),
			lastOrder: opening.AddDate(0, 0, -14-12*i), agrees: i%4 != 3,
		})
	}
	return all
}

// directory answers the service's questions about customers. Its one group is who
// has not ordered for 180 days, as of the day it is asked; package segment is the real
// thing. A snapshot's version is the day, so every process sees the same members.
type directory struct {
	all []shopper
	now func() time.Time
}

func (d directory) lapsed(day int64) (ids []dangol.CustomerID) {
	for _, s := range d.all {
		if s.lastOrder.AddDate(0, 0, 180).Unix()/86400 < day {
			ids = append(ids, s.id)
		}
	}
	return ids
}

func (d directory) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	if group != "lapsed" {
		return dangol.Snapshot{}, errors.New("there is no group " + group)
	}
	day := d.now().Unix() / 86400
	return dangol.Snapshot{Group: group, Version: day, AsOf: time.Unix(day*86400, 0).UTC(), Count: len(d.lapsed(day))}, nil
}

func (d directory) Members(_ context.Context, snap dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error) {
	ids := d.lapsed(snap.Version)
	i, found := slices.BinarySearch(ids, after)
	if found {
		i++
	}
	return ids[i:min(len(ids), i+limit)], nil
}

func (d directory) Contains(_ context.Context, snap dangol.Snapshot, id dangol.CustomerID) (bool, error) {
	_, ok := slices.BinarySearch(d.lapsed(snap.Version), id)
	return ok, nil
}

func (directory) Hold(context.Context, string, dangol.Use) error    { return nil }
func (directory) Release(context.Context, string, dangol.Use) error { return nil }

func (d directory) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := map[dangol.CustomerID]message.Contact{}
	for _, s := range d.all {
		if slices.Contains(ids, s.id) {
			out[s.id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010-0000-00" + string(s.id[1:])}, Vars: map[string]any{"name": s.name}}
		}
	}
	return out, nil
}

// open wires the service to the shop's folder.
func open(ctx context.Context, dir string, now func() time.Time, sender message.Sender) (*message.Service, func(), error) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "shop.db")))
	if err != nil {
		return nil, nil, err
	}
	closeDB := func() { _ = db.Close() }
	clock := dangol.ClockFunc(now)
	// Claims too end by the simulated time; in a real shop they end by the database's.
	state, err := messagesql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, messagesql.Options{Clock: clock})
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	shop := directory{shoppers(), now}
	svc, err := message.New(message.Config{
		Store: state, Audience: shop, Contacts: shop, Clock: clock,
		Senders: map[message.Channel]message.Sender{message.SMS: sender, message.LMS: sender},
		Sender:  message.Identity{Name: "단골상점", Contact: "02-123-4567", OptOut: "무료수신거부 080-123-4567"},
		Caps:    []message.Cap{{Name: "two a week", Max: 2, Rolling: 7 * 24 * time.Hour}},
		Batch:   5, Chunk: 3,
	})
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	return svc, closeDB, nil
}

// prepare records who agreed to advertising and starts both campaigns.
func prepare(ctx context.Context, svc *message.Service) error {
	for _, s := range shoppers() {
		err := svc.RecordConsent(ctx, message.Consent{Customer: s.id, Granted: s.agrees, Wording: "2026-01", Evidence: "signup " + string(s.id), At: opening.AddDate(0, -1, 0)})
		if err != nil {
			return err
		}
	}
	winBack := message.Recipes(opening.Add(time.Hour))["win-back"].Campaign
	winBack.Groups = []string{"lapsed"}
	winBack.Contents[0].Coupon = &message.CouponBlock{Name: "다시 만나는 쿠폰", URL: "https://shop.example/c/again"}
	cart := message.Recipes(opening)["abandoned-cart"].Campaign
	cart.ID = "cart"
	for _, c := range []message.Campaign{winBack, cart} {
		if _, err := svc.Save(ctx, c); err != nil {
			return err
		}
		if err := svc.Start(ctx, c.ID); err != nil {
			return err
		}
	}
	return nil
}

// cartEvents are carts that were filled, also late in the evening, and orders that
// some of them became, in the order of time.
func cartEvents() (events []message.Event) {
	for day := range 13 {
		for i := range 3 {
			who := dangol.CustomerID(fmt.Sprintf("c%02d", (day*7+i*11)%60))
			at := opening.AddDate(0, 0, day).Add(time.Duration(2+6*i) * time.Hour)
			events = append(events, message.Event{Key: fmt.Sprintf("cart-%d-%d", day, i), On: message.Recorded, Name: "cart", Customer: who, At: at})
			if (day+i)%3 == 0 {
				events = append(events, message.Event{Key: fmt.Sprintf("order-%d-%d", day, i), On: message.Recorded, Name: "orders", Customer: who, At: at.Add(25 * time.Minute)})
			}
		}
	}
	slices.SortStableFunc(events, func(a, b message.Event) int { return a.At.Compare(b.At) })
	return events
}
