package message_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/dsl/source"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

// The Go blocks of docs/message.md, run in their order.
func TestDocs(t *testing.T) {
	ctx := t.Context()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "shop.db")))
	require.NoError(t, err)
	defer db.Close()
	store, err := messagesql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, messagesql.Options{})
	require.NoError(t, err)
	groups := newGroups()
	groups.refresh("new-without-order", "c1")
	groups.refresh("staff")
	contacts, gateway, mailer := &book{}, &gateway{}, &gateway{}
	coupons := message.CouponsFunc(func(_ context.Context, _ string, _ dangol.CustomerID, key string) (string, string, error) {
		return key[:8], "https://shop.example/c/" + key[:8], nil
	})
	secret := []byte(strings.Repeat("s", 32))
	start, now := time.Now(), time.Now()

	svc, err := message.New(message.Config{
		Store:    store,    // &message.MemoryStore{}, or messagesql.Open
		Audience: groups,   // *segment.Service is one
		Contacts: contacts, // your addresses and template variables
		Senders:  map[message.Channel]message.Sender{message.SMS: gateway, message.LMS: gateway, message.Email: mailer},
		Coupons:  coupons, // gives a customer's coupon for a key
		Sender:   message.Identity{Name: "단골상점", Contact: "02-123-4567", OptOut: "무료수신거부 080-123-4567"},
		Links:    &message.Links{Base: "https://shop.example/m", Secret: secret},
		Caps:     []message.Cap{{Name: "two a week", Max: 2, Rolling: 7 * 24 * time.Hour}},
		Prices:   message.Prices{message.SMS: 1, message.LMS: 3},
		Rates:    map[message.Channel]message.Rate{message.SMS: {Messages: 100}},
	})
	require.NoError(t, err)

	_, err = svc.Save(ctx, message.Campaign{
		ID: "first-purchase", Name: "신규 회원의 첫 구매 유도하기",
		Groups:   []string{"new-without-order"},
		Except:   []string{"staff"},
		Schedule: message.Schedule{Start: start, Unit: message.Days},
		Contents: []message.Content{
			{Channel: message.SMS, Text: "#{name}님, 첫 구매 쿠폰을 드려요.",
				Coupon: &message.CouponBlock{Definition: "welcome", Type: "10%", Name: "첫 구매 쿠폰", Description: "3일 안에 쓰세요."}},
			{Channel: message.Email, Subject: "첫 구매 쿠폰", Text: "#{name}님께 쿠폰을 드려요."},
		},
		AllowLMS: true,
		Holdout:  500, // five of a hundred get nothing, for comparison
	})
	require.NoError(t, err)
	require.NoError(t, svc.Start(ctx, "first-purchase"))

	_, err = svc.Save(ctx, message.Campaign{
		ID: "cart", Name: "장바구니 이탈", AllowDuplicates: true,
		Trigger: &message.Trigger{On: message.Recorded, Record: "cart", Delay: time.Hour,
			Unless: []string{"orders"}, Restart: true},
		Contents: []message.Content{{Channel: message.SMS, Text: "장바구니가 기다려요."}},
	})
	require.NoError(t, err)
	err = svc.Fire(ctx, message.Event{Key: "cart-4711", On: message.Recorded, Name: "cart", Customer: "c1", At: now})
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	go func(ctx context.Context) { // until the customer's fate is decided, however slow the machine
		for ctx.Err() == nil {
			if why, err := svc.Why(ctx, "first-purchase", "c1"); err == nil && len(why) > 0 && why[0].Reason != "" {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}(ctx)
	err = svc.Run(ctx, func(err error) { slog.Error("messages", "err", err) })
	require.NoError(t, err)
	ctx = t.Context()

	why, err := svc.Why(ctx, "first-purchase", "c1")
	for _, r := range why {
		fmt.Println(r.Occurrence, r.State, r.Reason)
		fmt.Println(r.Detail) // every rule that was evaluated, on what
	}
	require.NoError(t, err)
	require.Len(t, why, 1)
	require.Equal(t, message.ReasonNoConsent, why[0].Reason)

	at := time.Now()
	err = svc.Receive(ctx, message.Receipt{Provider: "gateway-id-1", Kind: message.ReceiptDelivered, At: at})
	require.ErrorIs(t, err, message.ErrNotFound)
	err = svc.RecordOrder(ctx, message.Order{ID: "o-1", Customer: "c1", At: at, Amount: dangol.Money{Minor: 39_000, Currency: dangol.KRW}})
	require.NoError(t, err)
}

// Every line of a Go block of the page stands in the test above.
func TestDocsBlocksAreTested(t *testing.T) {
	page, err := os.ReadFile("../docs/message.md")
	require.NoError(t, err)
	test, err := os.ReadFile("docs_test.go")
	require.NoError(t, err)
	lines := map[string]bool{}
	for line := range strings.Lines(string(test)) {
		lines[strings.TrimSpace(line)] = true
	}
	in, n := false, 0
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "```go":
			in = true
		case line == "```":
			in = false
		case in:
			n++
			require.True(t, lines[line], "not in the test: %s", line)
		}
	}
	require.Greater(t, n, 40)
}

// The rules of the recipes' groups are rules of the shop's catalog.
func TestRecipesRules(t *testing.T) {
	c, err := compile.New(catalog.Shop())
	require.NoError(t, err)
	for id, r := range message.Recipes(time.Now()) {
		if r.Rule == "" {
			continue
		}
		_, ds := c.Text(r.Rule, compile.Options{})
		for _, d := range ds {
			require.NotEqual(t, source.Error, d.Severity, "%s: %s", id, source.Render(id, r.Rule, ds))
		}
	}
}
