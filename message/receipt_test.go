package message_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func (s *shop) deliveries(campaign string) (out []message.Delivery) {
	s.t.Helper()
	require.NoError(s.t, s.Deliveries(s.t.Context(), campaign, func(d message.Delivery) error {
		out = append(out, d)
		return nil
	}))
	return out
}

// Receipts lead to one state, in whatever order and how often they come.
func TestReceiptsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var receipts []message.Receipt
		for range rapid.IntRange(1, 6).Draw(rt, "receipts") {
			receipts = append(receipts, message.Receipt{
				Kind: rapid.SampledFrom([]message.ReceiptKind{message.ReceiptDelivered, message.ReceiptFailed, message.ReceiptOpened,
					message.ReceiptClicked, message.ReceiptUnsubscribed}).Draw(rt, "kind"),
				At:     kst("2026-03-02 10:00").Add(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "minutes")) * time.Minute),
				Reason: "no answer",
			})
		}
		run := func(shuffle bool) ([]message.Delivery, message.Credits, []string) {
			s := newShop(t, priced)
			require.NoError(rt, s.TopUp(t.Context(), "a", 100))
			s.groups.refresh("new", "ann")
			s.consent("ann")
			s.start(daily())
			s.tick()
			key := s.gateway.sent()[0].Key
			told := append([]message.Receipt{}, receipts...)
			if shuffle {
				told = append(told, receipts[0])
				rand.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
			}
			for _, r := range told {
				r.Key = key
				require.NoError(rt, s.Receive(t.Context(), r))
			}
			return s.deliveries("daily"), s.balance(), s.why("daily", "ann")
		}
		d1, b1, w1 := run(false)
		d2, b2, w2 := run(true)
		require.Empty(rt, cmp.Diff(d1, d2, cmpopts.IgnoreUnexported(message.Delivery{})))
		require.Equal(rt, b1, b2)
		require.Equal(rt, w1, w2)
	})
}

func TestFallbackByReceipt(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann", "bea")
	s.consent("ann", "bea")
	c := daily()
	c.Schedule = message.Schedule{Start: kst("2026-03-02 10:00")}
	c.Contents = []message.Content{{Channel: message.KakaoBrand, Text: "카카오"}, {Channel: message.SMS, Text: "문자"}}
	s.start(c)
	s.tick()
	s.tick()
	require.Len(t, s.gateway.sent(), 2)
	s.clock.Add(10 * time.Minute)
	for _, d := range s.deliveries("daily") {
		if d.Customer == "ann" {
			require.NoError(t, s.Receive(t.Context(), message.Receipt{Provider: d.Provider, Kind: message.ReceiptFailed, Reason: "no Kakao"}))
			require.NoError(t, s.Receive(t.Context(), message.Receipt{Provider: d.Provider, Kind: message.ReceiptFailed, Reason: "no Kakao"}))
		} else {
			require.NoError(t, s.Receive(t.Context(), message.Receipt{Key: d.Key, Kind: message.ReceiptDelivered}))
		}
	}
	s.tick()
	sent := s.gateway.sent()
	require.Len(t, sent, 3)
	require.Equal(t, message.SMS, sent[2].Channel)
	require.Equal(t, dangol.CustomerID("ann"), sent[2].Customer)
	res := s.sums("daily")
	require.Equal(t, 2, res.Outcomes[message.Submitted])
	require.Equal(t, message.Share{Part: 1, Of: 3}, res.DeliveredRate())
	require.ErrorIs(t, s.Receive(t.Context(), message.Receipt{Provider: "stranger", Kind: message.ReceiptDelivered}), message.ErrNotFound)
}

func TestReceiptResolvesDoubt(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	s.gateway.after = func(message.Message) error { return errors.New("timeout") }
	s.start(daily())
	s.tick()
	require.Equal(t, []string{"2026-03-02T10:00:00 unknown: the provider never said"}, s.why("daily", "ann"))
	s.clock.Add(72 * time.Hour)
	require.NoError(t, s.Receive(t.Context(), message.Receipt{Key: s.gateway.sent()[0].Key, Kind: message.ReceiptDelivered}))
	require.Equal(t, "2026-03-02T10:00:00 submitted", s.why("daily", "ann")[0])
}

func won(n int64) dangol.Money { return dangol.Money{Minor: n, Currency: dangol.KRW} }

func TestAttribution(t *testing.T) {
	s := newShop(t, func(c *message.Config) {
		c.Windows = message.Windows{message.SMS: 3 * 24 * time.Hour, message.Email: 5 * 24 * time.Hour}
	})
	s.groups.refresh("new", "ann", "bea")
	s.consent("ann", "bea")
	mail := daily()
	mail.ID, mail.Schedule = "mail", message.Schedule{Start: kst("2026-03-02 10:00")}
	mail.Contents = []message.Content{{Channel: message.Email, Subject: "소식", Text: "x"}}
	text := daily()
	text.ID, text.Schedule = "text", message.Schedule{Start: kst("2026-03-03 10:00")}
	s.start(mail)
	s.start(text)
	s.live(kst("2026-03-03 12:00"))
	order := func(id string, who dangol.CustomerID, at string, amount int64) message.Order {
		return message.Order{ID: id, Customer: who, At: kst(at), Amount: won(amount)}
	}
	results := func(campaign string) (int, int64) {
		r, err := s.Results(t.Context(), campaign)
		require.NoError(t, err)
		return r.Orders, r.Revenue[dangol.KRW]
	}
	expect := func(why string, mailOrders int, mailRevenue int64, textOrders int, textRevenue int64) {
		t.Helper()
		n, sum := results("mail")
		require.Equal(t, []any{mailOrders, mailRevenue}, []any{n, sum}, "mail: %s", why)
		n, sum = results("text")
		require.Equal(t, []any{textOrders, textRevenue}, []any{n, sum}, "text: %s", why)
	}
	orders := []message.Order{
		order("before", "ann", "2026-03-02 09:59", 1),   // before any touch
		order("mail", "ann", "2026-03-03 09:00", 1000),  // the mail alone
		order("both", "ann", "2026-03-04 10:00", 200),   // the text is the last
		order("edge", "ann", "2026-03-06 10:00", 30),    // exactly three days after the text
		order("later", "ann", "2026-03-06 10:01", 4),    // the text's window is over, the mail's is not
		order("never", "ann", "2026-03-08 10:00", 5000), // all windows are over
	}
	require.NoError(t, s.RecordOrder(t.Context(), orders...))
	require.NoError(t, s.RecordOrder(t.Context(), orders...), "told twice")
	expect("last touch", 2, 1004, 2, 230)

	// Days later it turns out that ann clicked the mail between the text and her order.
	s.clock.Set(kst("2026-03-09 10:00"))
	for _, d := range s.deliveries("mail") {
		if d.Customer == "ann" {
			require.NoError(t, s.Receive(t.Context(), message.Receipt{Key: d.Key, Kind: message.ReceiptClicked, At: kst("2026-03-04 09:00")}))
		}
	}
	expect("a late click", 5, 6234, 0, 0)
	back := orders[2]
	back.Cancelled = true
	require.NoError(t, s.RecordOrder(t.Context(), back))
	expect("a cancelled order", 4, 6034, 0, 0)
	stolen := orders[1]
	stolen.Customer = "bea"
	require.ErrorIs(t, s.RecordOrder(t.Context(), stolen), message.ErrKeyReused)
}

func TestHoldoutComparison(t *testing.T) {
	s := newShop(t)
	people := ids(1000)
	s.groups.refresh("new", people...)
	s.consent(people...)
	c := daily()
	c.Holdout, c.Schedule.Count = 3000, 2
	s.start(c)
	s.live(kst("2026-03-03 12:00"))
	var orders []message.Order
	for i, id := range people {
		got := s.why("daily", id)[0] == "2026-03-02T10:00:00 submitted"
		if got && i%5 == 0 || !got && i%20 == 0 {
			orders = append(orders, message.Order{ID: string(id), Customer: id, At: kst("2026-03-03 15:00"), Amount: won(10_000)})
		}
	}
	require.NoError(t, s.RecordOrder(t.Context(), orders...))
	res, err := s.Results(t.Context(), "daily")
	require.NoError(t, err)
	h := res.Holdout
	require.Equal(t, 1000, h.Sent.Of+h.HeldOut.Of, "everybody once, though there were two occurrences")
	require.Equal(t, res.Orders, res.Variants[""].Orders)
	records := 0
	for r, err := range s.Records(t.Context(), "") {
		require.NoError(t, err)
		require.Equal(t, "daily", r.Fields()["campaign"])
		records++
	}
	require.Equal(t, res.Outcomes[message.Submitted], records)
	require.InDelta(t, 0.2, h.Sent.Float(), 0.04)
	require.InDelta(t, 0.05, h.HeldOut.Float(), 0.04)
	require.Greater(t, h.Low, 0.05)
	require.Less(t, h.High, 0.25)
	require.Less(t, h.Low, h.Lift)
	require.Equal(t, h.Sent.Part, res.Orders, "who was held out has nothing to be credited to")
}

func TestExportCSV(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "=cmd()", "bea")
	s.consent("=cmd()")
	s.start(daily())
	s.tick()
	require.NoError(t, s.RecordOrder(t.Context(), message.Order{ID: "o", Customer: "=cmd()", At: kst("2026-03-02 12:00"), Amount: won(12_500)}))
	var b bytes.Buffer
	require.NoError(t, s.ExportCSV(t.Context(), "daily", &b))
	text, ok := strings.CutPrefix(b.String(), "\uFEFF")
	require.True(t, ok)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"2026-03-02T10:00:00", "'=cmd()", "submitted", "", "", "sms", "010-=cmd()", "accepted",
		"2026-03-02 10:00:00", "", "", "", "", "1", "12,500 KRW"}, rows[1])
	require.Equal(t, "no consent", rows[2][3])
}

func TestLinks(t *testing.T) {
	links := &message.Links{Base: "https://shop.example/m", Secret: []byte(strings.Repeat("s", 32))}
	s := newShop(t, func(c *message.Config) { c.Links = links })
	s.groups.refresh("new", "ann")
	s.consent("ann")
	c := daily()
	c.Contents = []message.Content{{Channel: message.Email, Subject: "봄 소식", Text: "{{.name}}님", HTML: "<p>{{.name}}님</p>",
		Buttons: []message.Button{{Label: "보러 가기", URL: "https://shop.example/spring?a=1&b=2"}}}}
	s.start(c)
	s.tick()
	m := s.gateway.sent()[0]
	require.Equal(t, "(광고) 봄 소식", m.Subject)
	require.Equal(t, "List-Unsubscribe=One-Click", m.Headers["List-Unsubscribe-Post"])
	unsubscribe := strings.Trim(m.Headers["List-Unsubscribe"], "<>")
	require.Contains(t, m.Text, "무료수신거부 "+unsubscribe)
	require.Contains(t, m.HTML, "단골상점")
	handler := s.Handler()
	do := func(method, link string, header ...string) *http.Response {
		r := httptest.NewRequest(method, link, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	click := m.Buttons[0].URL
	require.Equal(t, http.StatusFound, do("HEAD", click).StatusCode)
	do("GET", click, "Sec-Purpose", "prefetch")
	require.True(t, s.deliveries("daily")[0].Clicked.IsZero(), "programs that look ahead have not clicked")
	r := do("GET", click)
	require.Equal(t, "https://shop.example/spring?a=1&b=2", r.Header.Get("Location"))
	require.False(t, s.deliveries("daily")[0].Clicked.IsZero())

	// Every other link is refused: changed, of another kind, of another shop, too old.
	token := click[strings.LastIndex(click, "/")+1:]
	for i := range token {
		if i%7 == 0 {
			changed := []byte(token)
			changed[i] ^= 1
			require.NotEqual(t, http.StatusFound, do("GET", links.Base+"/c/"+url.PathEscape(string(changed))).StatusCode)
		}
	}
	require.Equal(t, http.StatusNotFound, do("GET", links.Base+"/u/"+token).StatusCode)
	require.Equal(t, http.StatusNotFound, do("GET", links.Base+"/c/").StatusCode)
	require.Equal(t, http.StatusMethodNotAllowed, do("POST", click).StatusCode)
	s.clock.Add(181 * 24 * time.Hour)
	require.Equal(t, http.StatusNotFound, do("GET", click).StatusCode)

	require.Equal(t, http.StatusOK, do("GET", unsubscribe).StatusCode)
	ledger, err := s.Consents(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, ledger, 1, "a GET opts nobody out")
	for range 2 {
		require.Equal(t, http.StatusOK, do("POST", unsubscribe).StatusCode)
	}
	ledger, err = s.Consents(t.Context(), "ann")
	require.NoError(t, err)
	require.Len(t, ledger, 2)
	require.Equal(t, message.Email, ledger[1].Channel)
	require.False(t, ledger[1].Granted)
	require.Equal(t, 1, s.must(s.Results(t.Context(), "daily")).Unsubscribed)
}

func (s *shop) must(r message.Results, err error) message.Results {
	s.t.Helper()
	require.NoError(s.t, err)
	return r
}

func TestHTMLIsEscaped(t *testing.T) {
	s := newShop(t)
	s.groups.refresh("new", "ann")
	s.consent("ann")
	s.book.other["ann"] = message.Contact{Addresses: map[message.Channel]string{message.Email: "a@shop.example"},
		Vars: map[string]any{"name": `<script>alert(1)</script>`, "items": []string{`"><img src=x onerror=y>`}}}
	c := daily()
	c.Contents = []message.Content{{Channel: message.Email, Subject: "{{.name}}", Text: "x",
		HTML: `<a href="https://shop.example/?q={{.name}}" title="{{.name}}">{{range .items}}{{.}}{{end}}</a>`}}
	s.start(c)
	s.tick()
	html := s.gateway.sent()[0].HTML
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "<img")
}

// The worker dies after the provider took the message, and the provider's receipt comes
// before anybody asks: the receipt tells.
func TestReceiptBeforeTheDoubtIsResolved(t *testing.T) {
	for kind, want := range map[message.ReceiptKind]message.RecipientState{
		message.ReceiptDelivered: message.Submitted, message.ReceiptFailed: message.Failed,
	} {
		t.Run(string(kind), func(t *testing.T) {
			var under message.Store
			d := &doom{}
			s := newShop(t, func(c *message.Config) { under = c.Store })
			s.groups.refresh("new", "ann")
			s.consent("ann")
			s.cfg.Store = mortalStore{under, d}
			d.left.Store(1 << 40)
			s.gateway.after = func(message.Message) error {
				d.dead.Store(true)
				return nil
			}
			s.reopen()
			s.start(daily())
			_, err := s.Tick(t.Context())
			require.ErrorIs(t, err, errDied)
			s.gateway.after, s.cfg.Store = nil, under
			s.reopen()
			require.NoError(t, s.Receive(t.Context(), message.Receipt{Key: s.gateway.sent()[0].Key, Kind: kind, At: s.clock.Now(), Reason: "no answer"}))
			s.live(kst("2026-03-02 12:00"))
			require.Len(t, s.gateway.sent(), 1)
			require.Equal(t, map[message.RecipientState]int{want: 1}, s.sums("daily").Outcomes)
		})
	}
}
