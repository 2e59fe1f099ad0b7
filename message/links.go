package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Links makes and serves signed links: clicks, and opting out with one click. Mount
// Service.Handler under the path of Base.
type Links struct {
	Base     string        // required: where Handler is mounted, such as "https://shop.example/m"
	Secret   []byte        // required: at least 32 random bytes
	Older    [][]byte      // secrets of before, still read. Defaults to none
	Lifetime time.Duration // of click links. Defaults to 180 days. Opting out never expires
	OnError  func(error)   // told of clicks that could not be counted. Defaults to nobody
}

func (l *Links) validate() error {
	if l == nil {
		return nil
	}
	u, err := url.Parse(l.Base)
	switch {
	case err != nil || u.Scheme != "https" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1":
		return fmt.Errorf("message: the links' base %q is no https URL", l.Base)
	case len(l.Secret) < 32:
		return errors.New("message: the links' secret has less than 32 bytes")
	}
	return nil
}

// errLink is the answer to every link that was not made by this shop or is too old;
// it does not say which.
var errLink = errors.New("message: the link is not valid")

const (
	clickLink       = 'c'
	unsubscribeLink = 'u'
)

// token signs what a link is for: the kind, the delivery, when it ends, where it goes.
func (l *Links) token(kind byte, key string, until time.Time, target string) string {
	raw, _ := hex.DecodeString(key) // a delivery's key is hexadecimal
	payload := append([]byte{kind}, raw...)
	payload = binary.BigEndian.AppendUint64(payload, uint64(until.Unix()))
	payload = append(payload, target...)
	return base64.RawURLEncoding.EncodeToString(append(mac(l.Secret, payload), payload...))
}

const macSize = 16

func mac(secret, payload []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("dangol message link\x00"))
	h.Write(payload)
	return h.Sum(nil)[:macSize]
}

// open reads a token back.
func (l *Links) open(kind byte, token string, now time.Time) (key, target string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	const head = 1 + 16 + 8
	if err != nil || len(raw) < macSize+head {
		return "", "", errLink
	}
	sum, payload := raw[:macSize], raw[macSize:]
	good := hmac.Equal(sum, mac(l.Secret, payload))
	for _, old := range l.Older {
		good = good || hmac.Equal(sum, mac(old, payload))
	}
	until := int64(binary.BigEndian.Uint64(payload[17:head]))
	if !good || payload[0] != kind || until != 0 && now.Unix() >= until {
		return "", "", errLink
	}
	return hex.EncodeToString(payload[1:17]), string(payload[head:]), nil
}

// links puts signed links into a message where its channel has room for them: behind
// buttons and coupons, and for e-mail the headers of RFC 8058.
func (s *Service) links(m *Message, now time.Time) {
	l := s.cfg.Links
	if l == nil || m.Channel == SMS || m.Channel == LMS {
		return
	}
	life := l.Lifetime
	setDefault(&life, 180*24*time.Hour)
	// The day, not the second: rendering a message again gives the same text.
	until := now.Add(life).Truncate(24 * time.Hour)
	track := func(link string) string {
		if u, err := url.Parse(link); err != nil || u.Scheme != "https" && u.Scheme != "http" {
			return link // links into apps open there
		}
		return l.Base + "/c/" + l.token(clickLink, m.Key, until, link)
	}
	for i := range m.Buttons {
		m.Buttons[i].URL = track(m.Buttons[i].URL)
	}
	if m.Coupon != nil && m.Coupon.URL != "" {
		m.Coupon.URL = track(m.Coupon.URL)
	}
	if m.Channel == Email {
		m.Headers = map[string]string{
			"List-Unsubscribe":      "<" + l.Base + "/u/" + l.token(unsubscribeLink, m.Key, time.Unix(0, 0), "") + ">",
			"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		}
	}
}

// unsubscribe is the link behind the header, for people to read.
func (m *Message) unsubscribe() string {
	return strings.Trim(m.Headers["List-Unsubscribe"], "<>")
}

// Handler serves the signed links below Config.Links.Base: /c/ counts a click and
// redirects, /u/ opts out of advertising on the message's channel. A GET of /u/ only
// shows a button, since mail programs follow links on their own; the POST that the
// button, or the mail program's own (RFC 8058), sends is what opts out.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/c/{token}", s.serveClick)
	mux.HandleFunc("/u/{token}", s.serveUnsubscribe)
	if s.cfg.Links == nil {
		return http.NotFoundHandler()
	}
	base, err := url.Parse(s.cfg.Links.Base)
	if err != nil {
		return http.NotFoundHandler()
	}
	return http.StripPrefix(strings.TrimRight(base.Path, "/"), mux)
}

func (s *Service) serveClick(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	key, target, err := s.cfg.Links.open(clickLink, r.PathValue("token"), s.now())
	if err != nil {
		http.Error(w, "이 링크는 더 이상 쓸 수 없습니다.", http.StatusNotFound)
		return
	}
	prefetch := r.Method == http.MethodHead || strings.Contains(r.Header.Get("Purpose")+r.Header.Get("Sec-Purpose"), "prefetch")
	if !prefetch {
		// The customer gets where the link goes, whether or not the click is counted.
		err = s.Receive(r.Context(), Receipt{Key: key, Kind: ReceiptClicked})
		if err != nil && !errors.Is(err, ErrNotFound) && s.cfg.Links.OnError != nil {
			s.cfg.Links.OnError(fmt.Errorf("message: a click is not counted: %w", err))
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target, http.StatusFound)
}

var unsubscribePage = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="ko"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Sender}} 수신거부</title>
{{if .Done}}<p>{{.Sender}}의 광고 수신을 거부하셨습니다.</p>
{{else}}<p>{{.Sender}}의 광고를 더 이상 받지 않으시겠습니까?</p>
<form method="post"><button>수신거부</button></form>
{{end}}</html>
`))

func (s *Service) serveUnsubscribe(w http.ResponseWriter, r *http.Request) {
	key, _, err := s.cfg.Links.open(unsubscribeLink, r.PathValue("token"), s.now())
	if err != nil {
		http.Error(w, "이 링크는 쓸 수 없습니다.", http.StatusNotFound)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		if err := s.Receive(r.Context(), Receipt{Key: key, Kind: ReceiptUnsubscribed}); err != nil {
			http.Error(w, "잠시 후 다시 시도해 주세요.", http.StatusServiceUnavailable)
			return
		}
	default:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'")
	_ = unsubscribePage.Execute(w, map[string]any{"Sender": s.cfg.Sender.Name, "Done": r.Method == http.MethodPost})
}
