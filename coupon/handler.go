package coupon

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// HandlerConfig sets up a Handler.
type HandlerConfig struct {
	// Customer tells who is logged in; "" is nobody. Required.
	Customer func(*http.Request) (dangol.CustomerID, error)
	// Page renders a LinkPage. Defaults to a plain page in Korean.
	Page *template.Template
}

// LinkPage is what the visitor of a link sees, as HTML or, when the request accepts
// application/json and not text/html, as JSON.
type LinkPage struct {
	State   LinkState
	Name    string    // of the coupon; empty when the link is not genuine
	Code    string    // formatted; only for its owner
	Expires time.Time // of the coupon, in the definition's zone; zero is no end
	Reasons []Reason  `json:",omitempty"` // when refused
}

// LinkState is what can be done with a link.
type LinkState string

const (
	LinkOffer   LinkState = "offer"   // POST claims it
	LinkLogin   LinkState = "login"   // claiming it needs a login
	LinkClaimed LinkState = "claimed" // it is the visitor's
	LinkRefused LinkState = "refused" // not for this visitor, or not now
	LinkExpired LinkState = "expired"
	LinkInvalid LinkState = "invalid" // not signed by this shop, or changed
)

var linkStatus = map[LinkState]int{
	LinkOffer: http.StatusOK, LinkLogin: http.StatusOK, LinkClaimed: http.StatusOK, LinkRefused: http.StatusConflict,
	LinkExpired: http.StatusGone, LinkInvalid: http.StatusNotFound,
}

// Handler serves signed links. GET and HEAD show the coupon and change nothing,
// however often mail scanners and previews fetch them; POST claims it for the
// customer who is logged in, once. A POST from another site is refused. It returns
// ErrRequest when Customer is missing or the service has no LinkSecrets.
func (s *Service) Handler(c HandlerConfig) (http.Handler, error) {
	if c.Customer == nil {
		return nil, requestError("the handler needs HandlerConfig.Customer")
	}
	if len(s.config.LinkSecrets) == 0 {
		return nil, requestError("links need Config.LinkSecrets")
	}
	if c.Page == nil {
		c.Page = plainPage
	}
	return http.NewCrossOriginProtection().Handler(linkHandler{s, c}), nil
}

type linkHandler struct {
	s *Service
	c HandlerConfig
}

func (h linkHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer") // the address is a credential
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Robots-Tag", "noindex")
	var page LinkPage
	var err error
	customer, err := h.c.Customer(r)
	if err == nil {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			page, err = h.show(r, customer)
		case http.MethodPost:
			page, err = h.claim(r, customer)
		default:
			head.Set("Allow", "GET, HEAD, POST")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
	}
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	status := linkStatus[page.State]
	if page.State == LinkLogin && r.Method == http.MethodPost {
		status = http.StatusUnauthorized
	}
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html") {
		head.Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(page) // the client is gone if it fails
		return
	}
	var body strings.Builder
	if err := h.c.Page.Execute(&body, page); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	head.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body.String()))
}

// show finds what a link offers to a visitor.
func (h linkHandler) show(r *http.Request, customer dangol.CustomerID) (LinkPage, error) {
	ctx := r.Context()
	l, err := h.s.OpenLink(r.URL.Query().Get("t"))
	if errors.Is(err, ErrLink) {
		return LinkPage{State: LinkInvalid}, nil
	}
	page := LinkPage{State: LinkOffer}
	if errors.Is(err, ErrLinkExpired) {
		page.State = LinkExpired
	} else if err != nil {
		return page, err
	}
	var g Grant
	definition := l.Definition
	if l.Grant != "" {
		if g, err = h.s.grant(ctx, l.Grant); errors.Is(err, ErrNotFound) {
			return LinkPage{State: LinkInvalid}, nil
		} else if err != nil {
			return page, err
		}
		definition = g.Definition
	}
	d, err := h.s.Definition(ctx, definition, g.Version)
	if errors.Is(err, ErrNotFound) {
		return LinkPage{State: LinkInvalid}, nil
	}
	if err != nil {
		return page, err
	}
	end := d.Validity.Until
	if g.ID != "" {
		end = g.Expires
	}
	page.Name = d.Name
	if page.Expires, err = localEnd(end, d); err != nil {
		return page, err
	}
	switch {
	case page.State != LinkOffer:
	case customer == "":
		page.State = LinkLogin
	case g.Customer == customer:
		page.State, page.Code = LinkClaimed, FormatCode(g.Code)
	case g.Customer != "":
		page.State, page.Reasons = LinkRefused, []Reason{ReasonNotYours}
	}
	return page, nil
}

// claim gives the customer what the link offers.
func (h linkHandler) claim(r *http.Request, customer dangol.CustomerID) (LinkPage, error) {
	page, err := h.show(r, customer)
	if err != nil || page.State != LinkOffer {
		return page, err
	}
	g, err := h.s.ClaimLink(r.Context(), r.URL.Query().Get("t"), customer)
	if fs, no := Refused(err); no {
		page.State = LinkRefused
		for _, f := range fs {
			page.Reasons = append(page.Reasons, f.Reasons...)
		}
		return page, nil
	}
	if err != nil {
		return page, err
	}
	d, err := h.s.Definition(r.Context(), g.Definition, g.Version)
	if err != nil {
		return page, err
	}
	page.State, page.Code = LinkClaimed, FormatCode(g.Code)
	page.Expires, err = localEnd(g.Expires, d)
	return page, err
}

// localEnd is an end as the shop's customers read it.
func localEnd(end time.Time, d Definition) (time.Time, error) {
	if end.IsZero() {
		return end, nil
	}
	loc, err := d.location()
	if err != nil {
		return end, err
	}
	return end.In(loc), nil
}

var plainPage = template.Must(template.New("coupon").Parse(`<!doctype html>
<html lang="ko"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{or .Name "쿠폰"}}</title>
<h1>{{or .Name "쿠폰"}}</h1>
{{if not .Expires.IsZero}}<p>{{.Expires.Format "2006-01-02 15:04"}} 전까지 사용할 수 있습니다.</p>{{end}}
{{- if eq .State "offer"}}<form method="post"><button>쿠폰 받기</button></form>
{{- else if eq .State "login"}}<p>로그인하면 쿠폰을 받을 수 있습니다.</p>
{{- else if eq .State "claimed"}}<p>쿠폰을 받았습니다.</p><p><code>{{.Code}}</code></p>
{{- else if eq .State "refused"}}<p>이 쿠폰은 받을 수 없습니다.</p>
{{- else if eq .State "expired"}}<p>기간이 지난 링크입니다.</p>
{{- else}}<p>올바르지 않은 링크입니다.</p>{{end}}
</html>
`))
