package message

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// SMTPSender hands e-mail to an SMTP server, one connection a message. SMTP knows no
// idempotency keys: a connection that breaks after the text was handed over leaves the
// message in doubt. It is safe for concurrent use.
type SMTPSender struct {
	Addr  string       // required: host:port of the server
	From  string       // required: an address, with or without a name
	Auth  smtp.Auth    // Defaults to none
	TLS   *tls.Config  // for STARTTLS. Defaults to one for the server's name
	Open  bool         // sends without TLS where the server has none. Defaults to refusing to
	Host  string       // what the sender calls itself, and the right side of Message-Id. Defaults to the domain of From
	Clock dangol.Clock // stamps the Date header. Defaults to dangol.SystemClock
}

// Send implements Sender.
func (s *SMTPSender) Send(ctx context.Context, m Message) (Receipted, error) {
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return Receipted{}, fmt.Errorf("%w: the sender's address: %w", ErrRejected, err)
	}
	to, err := mail.ParseAddress(m.To)
	if err != nil {
		return Receipted{}, fmt.Errorf("%w: the address: %w", ErrRejected, err)
	}
	host := s.Host
	if host == "" {
		_, host, _ = strings.Cut(from.Address, "@")
	}
	id := m.Key + "@" + host
	text, err := s.text(m, from, to, id)
	if err != nil {
		return Receipted{}, fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if err := s.deliver(ctx, host, from.Address, to.Address, text); err != nil {
		return Receipted{}, err
	}
	return Receipted{ID: id}, nil
}

// deliver talks to the server. Until the text is handed over every failure is
// definite; the answer to the text decides.
func (s *SMTPSender) deliver(ctx context.Context, host, from, to string, text []byte) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRetry, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes a read that waits
	defer stop()
	server, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	c, err := smtp.NewClient(conn, server)
	if err != nil {
		return definite(err)
	}
	defer c.Close()
	if err := c.Hello(host); err != nil {
		return definite(err)
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		config := s.TLS
		if config == nil {
			config = &tls.Config{ServerName: server}
		}
		if err := c.StartTLS(config); err != nil {
			return definite(err)
		}
	} else if !s.Open {
		return fmt.Errorf("%w: the server offers no TLS", ErrRejected)
	}
	if s.Auth != nil {
		if err := c.Auth(s.Auth); err != nil {
			return definite(err)
		}
	}
	if err := c.Mail(from); err != nil {
		return definite(err)
	}
	if err := c.Rcpt(to); err != nil {
		return definite(err)
	}
	w, err := c.Data()
	if err != nil {
		return definite(err)
	}
	if _, err := w.Write(text); err != nil {
		return definite(err) // without the final dot a server takes nothing
	}
	if err := w.Close(); err != nil {
		var answer *textproto.Error
		if errors.As(err, &answer) {
			return definite(err)
		}
		return fmt.Errorf("message: smtp: %w", err)
	}
	_ = c.Quit() // the message is taken, whatever the goodbye says
	return nil
}

// definite classes a failure before the text was taken: 5xx for good, else for now.
func definite(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return fmt.Errorf("%w: %w", ErrRetry, err)
}

// text is the message in the format of RFC 5322: text, and HTML as its alternative.
func (s *SMTPSender) text(m Message, from, to *mail.Address, id string) ([]byte, error) {
	clock := s.Clock
	if clock == nil {
		clock = dangol.SystemClock
	}
	var b bytes.Buffer
	header := func(name, value string) error {
		if strings.ContainsAny(name+value, "\r\n") {
			return fmt.Errorf("the header %s has more than one line", name)
		}
		if name == "Subject" {
			value = mime.BEncoding.Encode("utf-8", value)
		}
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		return nil
	}
	err := errors.Join(
		header("From", from.String()),
		header("To", to.String()),
		header("Subject", m.Subject),
		header("Date", clock.Now().Format(time.RFC1123Z)),
		header("Message-Id", "<"+id+">"),
		header("Mime-Version", "1.0"),
	)
	names := make([]string, 0, len(m.Headers))
	for name := range m.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		err = errors.Join(err, header(name, m.Headers[name]))
	}
	if err != nil {
		return nil, err
	}
	boundary := "dangol-" + m.Key
	if m.HTML != "" {
		fmt.Fprintf(&b, "Content-Type: multipart/alternative; boundary=%q\r\n\r\n", boundary)
	}
	part := func(typ, body string) error {
		if m.HTML != "" {
			fmt.Fprintf(&b, "--%s\r\n", boundary)
		}
		fmt.Fprintf(&b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", typ)
		w := quotedprintable.NewWriter(&b)
		if _, err := w.Write([]byte(body)); err != nil {
			return err
		}
		err := w.Close()
		b.WriteString("\r\n")
		return err
	}
	if err := part("text/plain", m.Text); err != nil {
		return nil, err
	}
	if m.HTML != "" {
		if err := part("text/html", m.HTML); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "--%s--\r\n", boundary)
	}
	return b.Bytes(), nil
}
