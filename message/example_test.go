package message_test

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
)

// members is the audience: one group whose members the shop knows. Package segment
// is the real one.
type members []dangol.CustomerID

func (m members) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	return dangol.Snapshot{Group: group, Version: 1, Count: len(m)}, nil
}

func (m members) Members(_ context.Context, _ dangol.Snapshot, after dangol.CustomerID, limit int) (page []dangol.CustomerID, err error) {
	for _, id := range m {
		if id > after && len(page) < limit {
			page = append(page, id)
		}
	}
	return page, nil
}

func (m members) Contains(_ context.Context, _ dangol.Snapshot, id dangol.CustomerID) (bool, error) {
	for _, one := range m {
		if one == id {
			return true, nil
		}
	}
	return false, nil
}

func (m members) Hold(context.Context, string, dangol.Use) error    { return nil }
func (m members) Release(context.Context, string, dangol.Use) error { return nil }

// addressBook is the shop's own customer table.
type addressBook map[dangol.CustomerID]string

func (b addressBook) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := map[dangol.CustomerID]message.Contact{}
	for _, id := range ids {
		out[id] = message.Contact{
			Addresses: map[message.Channel]string{message.SMS: "010-0000-0000"},
			Vars:      map[string]any{"name": b[id]},
		}
	}
	return out, nil
}

// console prints what a gateway would send.
type console struct{}

func (console) Send(_ context.Context, m message.Message) (message.Receipted, error) {
	fmt.Printf("--- %s to %s\n%s\n", m.Channel, m.Customer, m.Text)
	return message.Receipted{}, nil
}

// A campaign that repeats daily, lived through in simulated time.
func Example() {
	ctx := context.Background()
	seoul, _ := time.LoadLocation("Asia/Seoul")
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, seoul)
	svc, err := message.New(message.Config{
		Store:    &message.MemoryStore{},
		Audience: members{"c1", "c2"},
		Contacts: addressBook{"c1": "민지", "c2": "서준"},
		Senders:  map[message.Channel]message.Sender{message.SMS: console{}},
		Sender:   message.Identity{Name: "단골", OptOut: "무료수신거부 0801234567"},
		Clock:    dangol.ClockFunc(func() time.Time { return now }),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = svc.RecordConsent(ctx, message.Consent{Customer: "c1", Granted: true, Wording: "2026-01", Evidence: "signup form 77"})
	_, err = svc.Save(ctx, message.Campaign{
		ID: "first-purchase", Name: "신규 회원의 첫 구매 유도하기",
		Groups:   []string{"new-without-order"},
		Schedule: message.Schedule{Start: now.Add(time.Hour), Unit: message.Days},
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 첫 구매 10% 쿠폰을 드려요."}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := svc.Start(ctx, "first-purchase"); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 { // two days
		progress, err := svc.Tick(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		now = progress.Next
	}
	_, _ = svc.Tick(ctx)
	for _, id := range []dangol.CustomerID{"c1", "c2"} {
		why, _ := svc.Why(ctx, "first-purchase", id)
		for _, r := range why {
			fmt.Println(r.Occurrence, r.Customer, r.State, cmp.Or(r.Reason, "at once"))
		}
	}
	// Output:
	// --- sms to c1
	// (광고) 민지님, 첫 구매 10% 쿠폰을 드려요.
	//
	// 단골
	// 무료수신거부 0801234567
	// 2026-03-02T10:00:00 c1 submitted at once
	// 2026-03-03T10:00:00 c1 dropped duplicate
	// 2026-03-02T10:00:00 c2 dropped no consent
	// 2026-03-03T10:00:00 c2 dropped no consent
}
