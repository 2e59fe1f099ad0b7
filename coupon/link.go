package coupon

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// Link is what a genuine signed link stands for: one grant, or a definition that
// every customer may download once by it.
type Link struct {
	Grant      string
	Definition string
	Expires    time.Time

	payload string
}

// The kinds of links, first in the signed text.
const (
	linkGrant      = "g"
	linkDefinition = "d"
)

// Link is the signed address at which the grant's customer sees, or anybody
// claims, the coupon. It is good as long as the grant, or Config.LinkLife from its
// issue. The same grant always has the same link.
func (s *Service) Link(g Grant) (string, error) {
	until := g.Expires
	if until.IsZero() {
		until = g.Issued.Add(s.config.LinkLife)
	}
	return s.sign(linkGrant, g.ID, until)
}

// DownloadLink is the signed address by which every customer may take one coupon
// of the definition, until the instant.
func (s *Service) DownloadLink(definition string, until time.Time) (string, error) {
	return s.sign(linkDefinition, definition, until)
}

func (s *Service) sign(kind, id string, until time.Time) (string, error) {
	if len(s.config.LinkSecrets) == 0 {
		return "", requestError("links need Config.LinkSecrets")
	}
	if until.IsZero() {
		return "", requestError("a link needs an end")
	}
	payload := kind + "." + strconv.FormatInt(until.Unix(), 10) + "." + id
	token := encode([]byte(payload)) + "." + encode(signature(s.config.LinkSecrets[0], payload))
	return s.config.LinkBase + "?t=" + url.QueryEscape(token), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func signature(secret []byte, payload string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("dangol coupon link\n" + payload))
	return mac.Sum(nil)
}

// OpenLink verifies a link's token, the t parameter of its address. It changes
// nothing. It returns ErrLink, or ErrLinkExpired together with the link.
func (s *Service) OpenLink(token string) (Link, error) {
	text, sig, ok := strings.Cut(token, ".")
	payload, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ok || err != nil {
		return Link{}, ErrLink
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	if err != nil {
		return Link{}, ErrLink
	}
	genuine := false
	for _, secret := range s.config.LinkSecrets {
		genuine = genuine || hmac.Equal(mac, signature(secret, string(payload)))
	}
	if !genuine {
		return Link{}, ErrLink
	}
	parts := strings.SplitN(string(payload), ".", 3)
	if len(parts) != 3 {
		return Link{}, ErrLink
	}
	unix, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return Link{}, ErrLink
	}
	l := Link{Expires: time.Unix(unix, 0).UTC(), payload: string(payload)}
	switch parts[0] {
	case linkGrant:
		l.Grant = parts[2]
	case linkDefinition:
		l.Definition = parts[2]
	default:
		return Link{}, ErrLink
	}
	if !s.now().Before(l.Expires) {
		return l, ErrLinkExpired
	}
	return l, nil
}

// ClaimLink gives a customer what a link stands for, once: claiming again is the
// same grant. It returns the errors of OpenLink, Issue and Claim.
func (s *Service) ClaimLink(ctx context.Context, token string, customer dangol.CustomerID) (Grant, error) {
	l, err := s.OpenLink(token)
	if err != nil {
		return Grant{}, err
	}
	if l.Definition != "" {
		return s.Issue(ctx, Issue{Key: autoKey("link", l.payload, string(customer)), Definition: l.Definition, Customer: customer})
	}
	g, err := s.grant(ctx, l.Grant)
	if err != nil {
		return Grant{}, err
	}
	return s.Claim(ctx, g.Code, customer)
}

func (s *Service) grant(ctx context.Context, id string) (g Grant, err error) {
	err = s.store.View(ctx, func(tx Tx) (err error) {
		g, err = tx.Grant(ctx, GrantRef{ID: id})
		return err
	})
	return g, err
}

// autoKey makes a key of bounded length from parts that may be long.
func autoKey(kind string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return kind + "/" + hex.EncodeToString(h.Sum(nil)[:20])
}
