package message

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// WebhookSender posts each message as JSON to a URL of the shop's own, signed, with
// the message's Key as Idempotency-Key. The receiver verifies with VerifyWebhook and
// answers:
//
//   - 2xx: taken. An "id" in a JSON answer is kept as the provider's id
//   - 429 and 503: not now; Retry-After is heeded
//   - other 4xx but 408, 409 and 425: refused for good
//   - anything else, and no answer: nobody knows
//
// It is safe for concurrent use.
type WebhookSender struct {
	URL    string        // required
	Secret []byte        // required: at least 16 bytes
	Client *http.Client  // Defaults to one that follows no redirects
	Clock  dangol.Clock  // stamps the signature. Defaults to dangol.SystemClock
	Memory time.Duration // how long the receiver remembers keys, as Remembers gives it. Defaults to a day
}

var _ Idempotent = (*WebhookSender)(nil)

// WebhookMessage is the body that a WebhookSender posts.
type WebhookMessage struct {
	Key        string   `json:"key"`
	Channel    Channel  `json:"channel"`
	Purpose    Purpose  `json:"purpose"`
	To         string   `json:"to"`
	Subject    string   `json:"subject,omitempty"`
	Text       string   `json:"text"`
	HTML       string   `json:"html,omitempty"`
	Image      string   `json:"image,omitempty"`
	Template   string   `json:"template,omitempty"`
	Buttons    []Button `json:"buttons,omitempty"`
	Coupon     *Coupon  `json:"coupon,omitempty"`
	Campaign   string   `json:"campaign"`
	Occurrence string   `json:"occurrence"`
	Customer   string   `json:"customer"`
	Variant    string   `json:"variant,omitempty"`
	Test       bool     `json:"test,omitempty"`
}

var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Remembers implements Idempotent.
func (w *WebhookSender) Remembers() time.Duration {
	if w.Memory == 0 {
		return 24 * time.Hour
	}
	return w.Memory
}

// signatureHeader holds "t=<unix seconds>,v1=<hex of HMAC-SHA256 of t.body>".
const signatureHeader = "Dangol-Signature"

// Send implements Sender.
func (w *WebhookSender) Send(ctx context.Context, m Message) (Receipted, error) {
	if len(w.Secret) < 16 {
		return Receipted{}, fmt.Errorf("%w: the webhook's secret has less than 16 bytes", ErrRejected)
	}
	body, err := json.Marshal(WebhookMessage{m.Key, m.Channel, m.Purpose, m.To, m.Subject, m.Text, m.HTML, m.Image, m.Template,
		m.Buttons, m.Coupon, m.Campaign, m.Occurrence, string(m.Customer), m.Variant, m.Test})
	if err != nil {
		return Receipted{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return Receipted{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	clock, client := w.Clock, w.Client
	if clock == nil {
		clock = dangol.SystemClock
	}
	if client == nil {
		client = noRedirects
	}
	stamp := strconv.FormatInt(clock.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.Key)
	req.Header.Set(signatureHeader, "t="+stamp+",v1="+signWebhook(w.Secret, stamp, body))
	resp, err := client.Do(req)
	if err != nil {
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" { // nothing was sent
			return Receipted{}, fmt.Errorf("%w: %w", ErrRetry, err)
		}
		return Receipted{}, fmt.Errorf("message: webhook: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		var got struct {
			ID string `json:"id"`
		}
		if err == nil && json.Unmarshal(answer, &got) == nil && len(got.ID) <= 128 {
			return Receipted{ID: got.ID}, nil
		}
		return Receipted{}, nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return Receipted{}, RetryAfter(time.Duration(max(seconds, 0))*time.Second, resp.Status)
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusConflict && code != http.StatusTooEarly:
		return Receipted{}, fmt.Errorf("%w: %s", ErrRejected, resp.Status)
	}
	return Receipted{}, fmt.Errorf("message: webhook: %s", resp.Status)
}

func signWebhook(secret []byte, stamp string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(stamp + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// ErrSignature is returned when a webhook's request is not what the shop signed, or
// was signed too long ago.
var ErrSignature = errors.New("message: the webhook's signature is not valid")

// VerifyWebhook checks the signature of a request that a WebhookSender made and
// returns its body. age bounds how old the signature may be, and how far ahead.
func VerifyWebhook(r *http.Request, secret []byte, now time.Time, age time.Duration) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	stamp, sum, ok := strings.Cut(strings.TrimPrefix(r.Header.Get(signatureHeader), "t="), ",v1=")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil || !hmac.Equal([]byte(sum), []byte(signWebhook(secret, stamp, body))) {
		return nil, ErrSignature
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > age || d < -age {
		return nil, ErrSignature
	}
	return body, nil
}
