package coupon_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/coupontest"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func tokenOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	return u.Query().Get("t")
}

func TestLinksAreSigned(t *testing.T) {
	s, clock, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1), Validity: coupon.Validity{Days: 3}})
	g := coupontest.Give(t, s, "d", "kim", 1)
	link, err := s.Link(g)
	require.NoError(t, err)
	again, err := s.Link(coupontest.Give(t, s, "d", "kim", 1))
	require.NoError(t, err)
	require.Equal(t, link, again, "the same grant has the same link")
	require.True(t, strings.HasPrefix(link, "https://shop.example/c?t="))
	token := tokenOf(t, link)
	l, err := s.OpenLink(token)
	require.NoError(t, err)
	require.Equal(t, g.ID, l.Grant)
	require.True(t, l.Expires.Equal(g.Expires))

	for i := range token { // every character counts
		spoiled := []byte(token)
		if spoiled[i] == 'A' {
			spoiled[i] = 'B'
		} else {
			spoiled[i] = 'A'
		}
		_, err := s.OpenLink(string(spoiled))
		require.ErrorIs(t, err, coupon.ErrLink, "%d", i)
	}
	payload, _, _ := strings.Cut(token, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte("d.99999999999.d"))
	for _, bad := range []string{"", ".", "x", payload, payload + ".", forged + "." + strings.SplitN(token, ".", 2)[1], token + ".", token + "="} {
		_, err := s.OpenLink(bad)
		require.ErrorIs(t, err, coupon.ErrLink, bad)
	}
	clock.Pass(g.Expires.Sub(coupontest.Start) - time.Second)
	_, err = s.OpenLink(token)
	require.NoError(t, err)
	clock.Pass(time.Second)
	_, err = s.OpenLink(token)
	require.ErrorIs(t, err, coupon.ErrLinkExpired)
	_, err = s.ClaimLink(t.Context(), token, "kim")
	require.ErrorIs(t, err, coupon.ErrLinkExpired)

	old := []byte(strings.Repeat("k", 32))
	rotated, err := coupon.New(coupon.NewMemory(), coupon.Config{Clock: coupontestStart{}, LinkSecrets: [][]byte{[]byte(strings.Repeat("n", 32)), old}})
	require.NoError(t, err)
	_, err = rotated.OpenLink(token)
	require.NoError(t, err, "an old secret still verifies")
	other, err := coupon.New(coupon.NewMemory(), coupon.Config{Clock: coupontestStart{}, LinkSecrets: [][]byte{[]byte(strings.Repeat("n", 32))}})
	require.NoError(t, err)
	_, err = other.OpenLink(token)
	require.ErrorIs(t, err, coupon.ErrLink)
	none, err := coupon.New(coupon.NewMemory(), coupon.Config{})
	require.NoError(t, err)
	_, err = none.Link(g)
	require.ErrorIs(t, err, coupon.ErrRequest)
	_, err = none.Handler(coupon.HandlerConfig{Customer: func(*http.Request) (dangol.CustomerID, error) { return "", nil }})
	require.ErrorIs(t, err, coupon.ErrRequest)
	_, err = s.Handler(coupon.HandlerConfig{})
	require.ErrorIs(t, err, coupon.ErrRequest)
}

type coupontestStart struct{}

func (coupontestStart) Now() time.Time { return coupontest.Start }

func TestTwoCustomersClaimOneLink(t *testing.T) {
	ctx := context.Background()
	s, _, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
	_, err := s.Generate(ctx, coupon.Batch{ID: "b", Definition: "d", Count: 1})
	require.NoError(t, err)
	var single coupon.Grant
	for g := range s.Grants(ctx, coupon.GrantQuery{Batch: "b"}) {
		single = g
	}
	link, err := s.Link(single)
	require.NoError(t, err)
	token := tokenOf(t, link)
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			_, err := s.ClaimLink(ctx, token, dangol.CustomerID(rune('a'+i)))
			if err == nil {
				won.Add(1)
			} else {
				assert.ErrorContains(t, err, "not-yours")
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(1), won.Load())

	download, err := s.DownloadLink("d", coupontest.Start.Add(time.Hour))
	require.NoError(t, err)
	first, err := s.ClaimLink(ctx, tokenOf(t, download), "kim")
	require.NoError(t, err)
	second, err := s.ClaimLink(ctx, tokenOf(t, download), "kim")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(first, second), "each customer once")
	other, err := s.ClaimLink(ctx, tokenOf(t, download), "lee")
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID)
	_, err = s.DownloadLink("d", time.Time{})
	require.ErrorIs(t, err, coupon.ErrRequest)
}

func TestHandler(t *testing.T) {
	s, clock, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Name: "<b>환영</b>", Discount: coupon.AmountOff(1), Validity: coupon.Validity{Days: 3},
		IssueLimits: []coupon.Limit{{Uses: 1}}})
	link, err := s.DownloadLink("d", coupontest.Start.Add(time.Hour))
	require.NoError(t, err)
	h, err := s.Handler(coupon.HandlerConfig{Customer: func(r *http.Request) (dangol.CustomerID, error) {
		return dangol.CustomerID(r.Header.Get("Test-Customer")), nil
	}})
	require.NoError(t, err)
	call := func(method, link, customer string, change ...func(*http.Request)) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, link, nil)
		r.Header.Set("Accept", "application/json")
		if customer != "" {
			r.Header.Set("Test-Customer", customer)
		}
		for _, f := range change {
			f(r)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	page := func(w *httptest.ResponseRecorder) (p coupon.LinkPage) {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p), w.Body.String())
		return p
	}
	wallet := func() int {
		gs, err := s.Wallet(t.Context(), "kim")
		require.NoError(t, err)
		return len(gs)
	}
	for range 5 { // mail scanners and previews
		w := call("GET", link, "kim")
		require.Equal(t, 200, w.Code)
		require.Equal(t, coupon.LinkOffer, page(w).State)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
		call("HEAD", link, "kim")
	}
	require.Zero(t, wallet(), "a GET changes nothing")
	require.Equal(t, coupon.LinkLogin, page(call("GET", link, "")).State)
	require.Equal(t, 401, call("POST", link, "").Code)
	require.Equal(t, 405, call("PUT", link, "kim").Code)
	foreign := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	require.Equal(t, 403, call("POST", link, "kim", foreign).Code)
	require.Zero(t, wallet())

	var codes []string
	for range 2 {
		w := call("POST", link, "kim")
		require.Equal(t, 200, w.Code)
		p := page(w)
		require.Equal(t, coupon.LinkClaimed, p.State)
		require.Equal(t, "2026-11-25T00:00:00+09:00", p.Expires.Format(time.RFC3339))
		codes = append(codes, p.Code)
	}
	require.Equal(t, codes[0], codes[1])
	require.Equal(t, 1, wallet())
	w := call("POST", link, "lee")
	require.Equal(t, 409, w.Code)
	require.Equal(t, []coupon.Reason{coupon.ReasonLimitTotal}, page(w).Reasons)

	gs, err := s.Wallet(t.Context(), "kim")
	require.NoError(t, err)
	own, err := s.Link(gs[0])
	require.NoError(t, err)
	require.Equal(t, codes[0], page(call("GET", own, "kim")).Code)
	stranger := call("GET", own, "lee")
	require.Equal(t, 409, stranger.Code)
	require.NotContains(t, stranger.Body.String(), codes[0])
	require.NotContains(t, call("GET", own, "").Body.String(), codes[0], "the code is its owner's to see")

	require.Equal(t, 404, call("GET", link+"x", "kim").Code)
	require.Equal(t, 404, call("POST", "https://shop.example/c", "kim").Code)
	html := call("GET", link, "kim", func(r *http.Request) { r.Header.Set("Accept", "text/html,application/json") })
	require.Contains(t, html.Body.String(), "쿠폰 받기")
	require.Contains(t, html.Body.String(), "&lt;b&gt;환영")
	clock.Pass(2 * time.Hour)
	require.Equal(t, 410, call("GET", link, "kim").Code)
	require.Equal(t, 410, call("POST", link, "park").Code)
}

func TestExportsAreSafe(t *testing.T) {
	ctx := t.Context()
	s, _, _ := counter(t)
	coupontest.Save(t, s, coupon.Definition{ID: "d", Discount: coupon.AmountOff(1)})
	for i, c := range []dangol.CustomerID{"=1+1", "+82", "-1", "@x", "\tx", "＝1", "  =1", "kim, \"lee\"", "ok=1"} {
		_, err := s.Issue(ctx, coupon.Issue{Key: string(rune('a' + i)), Definition: "d", Customer: c, Campaign: "=HYPERLINK(1)"})
		require.NoError(t, err)
	}
	var b strings.Builder
	require.NoError(t, s.ExportGrants(ctx, &b, coupon.GrantQuery{}))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Equal(t, "code,definition,customer,campaign,group,issued,expires,used,order", lines[0])
	require.Len(t, lines, 10)
	for _, cell := range []string{",'=1+1,", ",'+82,", ",'-1,", ",'@x,", ",'\tx,", ",'＝1,", ",'  =1,", `,"kim, ""lee""",`, ",ok=1,", ",'=HYPERLINK(1),"} {
		require.Contains(t, b.String(), cell)
	}
	b.Reset()
	require.NoError(t, coupon.WriteResults(&b, []coupon.Result{{Definition: "=d", Currency: dangol.KRW, Issued: 1, Discount: -5}}))
	require.Equal(t, "definition,group,campaign,currency,issued,used,restored,cancelled,discount,revenue\n'=d,,,KRW,1,0,0,0,-5,0\n", b.String())
}
