package integration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
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
	"github.com/stretchr/testify/require"
)

// tables are all of the database that begin with the prefix.
func (h home) tables(t *testing.T, prefix string) (names []string) {
	t.Helper()
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'mysql', 'performance_schema', 'sys')"
	if h.dialect == sqlstore.SQLite {
		query = "SELECT name FROM sqlite_master WHERE type = 'table'"
	}
	rows, err := h.db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	require.NoError(t, rows.Err())
	slices.Sort(names)
	return names
}

// everyCell walks every value of every table, as text.
func (h home) everyCell(t *testing.T, prefix string, f func(table, column, text string)) {
	t.Helper()
	for _, name := range h.tables(t, prefix) {
		rows, err := h.db.Query("SELECT * FROM " + name)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new(any)
			}
			require.NoError(t, rows.Scan(cells...))
			for i, c := range cells {
				switch v := (*c.(*any)).(type) {
				case []byte:
					f(name, columns[i], string(v))
				default:
					f(name, columns[i], fmt.Sprint(v))
				}
			}
		}
		require.NoError(t, rows.Err())
		rows.Close()
	}
}

// estate is a whole shop in one database: customers, groups, coupons, campaigns.
type estate struct {
	data     *sqlstore.Store
	segments *segment.Service
	coupons  *coupon.Service
	messages *message.Service
	clock    *standing
	sent     []message.Message
}

// standing is a clock that stands until it is set.
type standing struct{ at time.Time }

func (c *standing) Now() time.Time { return c.at }

func openEstate(t *testing.T, h home, prefix string, change ...func(*segment.Config, *message.Config)) *estate {
	t.Helper()
	e := &estate{clock: &standing{opening}}
	var err error
	e.data, err = sqlstore.Open(t.Context(), h.db, h.dialect, catalog.Shop(), sqlstore.Options{Prefix: prefix, Clock: e.clock})
	require.NoError(t, err)
	groups, err := segmentsql.Open(t.Context(), h.db, h.dialect, segmentsql.Options{Prefix: prefix, Clock: e.clock})
	require.NoError(t, err)
	wallets, err := couponsql.Open(t.Context(), h.db, h.dialect, couponsql.Options{Prefix: prefix})
	require.NoError(t, err)
	t.Cleanup(func() { wallets.Close() })
	campaigns, err := messagesql.Open(t.Context(), h.db, h.dialect, messagesql.Options{Prefix: prefix, Clock: e.clock})
	require.NoError(t, err)
	t.Cleanup(func() { campaigns.Close() })
	sc := segment.Config{Data: e.data, State: groups, Clock: e.clock}
	mc := message.Config{
		Store: campaigns, Contacts: e, Clock: e.clock, Senders: map[message.Channel]message.Sender{message.SMS: e, message.Email: e},
		Sender: message.Identity{Name: "단골", Contact: "02-123-4567", OptOut: "무료거부 0801234567"}, Prices: message.Prices{message.SMS: 1, message.LMS: 3},
	}
	for _, f := range change {
		f(&sc, &mc)
	}
	e.segments, err = segment.New(sc)
	require.NoError(t, err)
	mc.Audience = e.segments
	e.messages, err = message.New(mc)
	require.NoError(t, err)
	e.coupons, err = coupon.New(wallets, coupon.Config{Clock: e.clock, Audience: e.segments})
	require.NoError(t, err)
	return e
}

func (e *estate) Contacts(ctx context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := map[dangol.CustomerID]message.Contact{}
	for _, id := range ids {
		c, err := e.data.Customer(ctx, id)
		if err != nil {
			continue
		}
		email := c.Attributes["email"].Text()
		name, _, _ := strings.Cut(email, "@")
		out[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: "010-" + string(id), message.Email: email},
			Vars: map[string]any{"name": "손님 " + name}}
	}
	return out, nil
}

func (e *estate) Send(_ context.Context, m message.Message) (message.Receipted, error) {
	e.sent = append(e.sent, m)
	if len(e.sent)%3 == 0 {
		return message.Receipted{}, fmt.Errorf("%w: %s does not exist", message.ErrRejected, m.To)
	}
	return message.Receipted{ID: "p-" + m.Key}, nil
}

// fill gives customers everything that the library keeps about somebody.
func (e *estate) fill(t *testing.T, ids ...dangol.CustomerID) {
	ctx := t.Context()
	text := catalog.StringValue
	var changes []store.Change
	for i, id := range ids {
		changes = append(changes, store.Change{Customer: id, Fields: map[string]catalog.Value{
			"joined": catalog.TimeValue(e.clock.at.AddDate(0, 0, -3)), "email": text(string(id) + "@mail.example")}},
			store.Change{Kind: "all_orders", Key: fmt.Sprint("o", i), Customer: id, Fields: map[string]catalog.Value{
				"placed": catalog.TimeValue(e.clock.at.AddDate(0, 0, -1)), "total": catalog.NumberValue(5000)}})
	}
	require.NoError(t, e.data.Apply(ctx, changes...))

	_, err := e.segments.Create(ctx, segment.Definition{ID: "new", Name: "new", Rule: "joined within 7d"})
	require.NoError(t, err)
	_, err = e.segments.Create(ctx, segment.Definition{ID: "vip", Name: "vip", Kind: segment.Static})
	require.NoError(t, err)
	_, err = e.segments.Add(ctx, "vip", ids, "they asked")
	require.NoError(t, err)
	_, err = e.segments.Remove(ctx, "vip", ids[:1], string(ids[0])+" asked")
	require.NoError(t, err)
	_, err = e.segments.Pin(ctx, "new", segment.In, ids[:1], "our friend "+string(ids[0]))
	require.NoError(t, err)

	_, err = e.coupons.Save(ctx, coupon.Definition{ID: "welcome", Name: "Welcome", Discount: coupon.AmountOff(1000),
		Limits: []coupon.Limit{{Uses: 2, Customer: true}, {Uses: 1000}}, IssueLimits: []coupon.Limit{{Uses: 5, Customer: true}}})
	require.NoError(t, err)
	for i, id := range ids {
		g, err := e.coupons.Issue(ctx, coupon.Issue{Key: fmt.Sprint("w", i), Definition: "welcome", Customer: id})
		require.NoError(t, err)
		key := fmt.Sprint("order-", i)
		_, err = e.coupons.Reserve(ctx, key, coupon.Request{Customer: id, Grants: []string{g.ID}, Client: string(id),
			Cart: coupon.Cart{Currency: dangol.KRW, Lines: []coupon.Line{{ID: "1", Product: "tea", Quantity: 1, Price: 5000}}}})
		require.NoError(t, err)
		_, err = e.coupons.Commit(ctx, key, key)
		require.NoError(t, err)
	}

	require.NoError(t, e.messages.TopUp(ctx, "first", 1000))
	for _, id := range ids {
		require.NoError(t, e.messages.RecordConsent(ctx, message.Consent{Customer: id, Granted: true, Evidence: "form of " + string(id), Wording: "v1"}))
		require.NoError(t, e.messages.Suppress(ctx, message.Email, string(id)+"@mail.example", "bounced"))
	}
	body := []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 쿠폰을 드려요."}}
	_, err = e.messages.Save(ctx, message.Campaign{ID: "hello", Name: "Hello", Groups: []string{"new"}, Schedule: message.Schedule{Start: e.clock.at}, Contents: body, AllowLMS: true})
	require.NoError(t, err)
	require.NoError(t, e.messages.Start(ctx, "hello"))
	_, err = e.messages.Save(ctx, message.Campaign{ID: "cart", Name: "Cart", Contents: body, AllowLMS: true, Trigger: &message.Trigger{On: message.Recorded, Record: "cart", Delay: time.Hour}})
	require.NoError(t, err)
	require.NoError(t, e.messages.Start(ctx, "cart"))
	for _, id := range ids {
		require.NoError(t, e.messages.Fire(ctx, message.Event{Key: "cart of " + string(id), On: message.Recorded, Name: "cart", Customer: id, At: e.clock.at}))
	}
	_, err = e.messages.Tick(ctx)
	require.NoError(t, err)
	for i, m := range e.sent {
		if (i+1)%3 == 0 {
			continue
		}
		require.NoError(t, e.messages.Receive(ctx, message.Receipt{Key: m.Key, Kind: message.ReceiptClicked}))
		require.NoError(t, e.messages.RecordOrder(ctx, message.Order{ID: fmt.Sprint("o", i), Customer: m.Customer, At: e.clock.at, Amount: dangol.Money{Minor: 5000, Currency: dangol.KRW}}))
	}
}
