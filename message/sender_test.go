package message_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/sendertest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFileSender(t *testing.T) {
	sendertest.Run(t, func(t *testing.T) sendertest.Harness {
		f := &message.FileSender{Path: filepath.Join(t.TempDir(), "sent.jsonl")}
		return sendertest.Harness{Sender: f, To: "010", Received: func(key string) (n int) {
			lines, err := f.Lines()
			require.NoError(t, err)
			for _, l := range lines {
				if l.Key == key {
					n++
				}
			}
			return n
		}}
	})
}

// A line that a crash cut off was never answered: it is no message, and the file
// goes on as if it were not there. Two senders on one file know each other's keys.
func TestFileSenderAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sent.jsonl")
	one, two := &message.FileSender{Path: path}, &message.FileSender{Path: path}
	m := message.Message{Key: "1", Text: "하나"}
	for _, f := range []*message.FileSender{one, two, one} {
		_, err := f.Send(t.Context(), m)
		require.NoError(t, err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"key":"2","text":"half a mes`)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	a, err := two.Ask(t.Context(), "2")
	require.NoError(t, err)
	require.False(t, a.Known)
	_, err = two.Send(t.Context(), message.Message{Key: "3", Text: "셋"})
	require.NoError(t, err)
	lines, err := one.Lines()
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Equal(t, "3", lines[1].Key)
}

func TestWebhookSender(t *testing.T) {
	secret := []byte(strings.Repeat("w", 16))
	sendertest.Run(t, func(t *testing.T) sendertest.Harness {
		var mu sync.Mutex
		received := map[string]int{}
		next := ""
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := message.VerifyWebhook(r, secret, time.Now(), time.Minute)
			if err != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			var m message.WebhookMessage
			assert.NoError(t, json.Unmarshal(body, &m))
			assert.Equal(t, m.Key, r.Header.Get("Idempotency-Key"))
			mu.Lock()
			mode := next
			next = ""
			if mode != "refuse" && mode != "busy" {
				received[m.Key] = 1
			}
			mu.Unlock()
			switch mode {
			case "refuse":
				w.WriteHeader(http.StatusUnprocessableEntity)
			case "busy":
				w.Header().Set("Retry-After", "3")
				w.WriteHeader(http.StatusTooManyRequests)
			case "hang":
				<-r.Context().Done()
			default:
				fmt.Fprintf(w, `{"id":"w-%s"}`, m.Key)
			}
		}))
		t.Cleanup(server.Close)
		set := func(mode string) func() {
			return func() { mu.Lock(); defer mu.Unlock(); next = mode }
		}
		return sendertest.Harness{
			Sender: &message.WebhookSender{URL: server.URL, Secret: secret}, Channel: message.Webhook, To: "https://x.example",
			Received: func(key string) int { mu.Lock(); defer mu.Unlock(); return received[key] },
			Refuse:   set("refuse"), Busy: set("busy"), Hang: set("hang"),
		}
	})
}

func TestVerifyWebhookRefuses(t *testing.T) {
	secret := []byte(strings.Repeat("w", 16))
	now := kst("2026-03-02 10:00")
	var stolen *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen = r.Clone(context.Background())
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	clock := &manualClock{at: now}
	_, err := (&message.WebhookSender{URL: server.URL, Secret: secret, Clock: clock}).Send(t.Context(), message.Message{Key: "k", Text: "x"})
	require.NoError(t, err)
	verify := func(text string, with []byte, at time.Time) error {
		stolen.Body = io.NopCloser(strings.NewReader(text))
		_, err := message.VerifyWebhook(stolen, with, at, 5*time.Minute)
		return err
	}
	require.NoError(t, verify(string(body), secret, now))
	require.ErrorIs(t, verify(string(body)+" ", secret, now), message.ErrSignature)
	require.ErrorIs(t, verify(string(body), []byte(strings.Repeat("x", 16)), now), message.ErrSignature)
	require.ErrorIs(t, verify(string(body), secret, now.Add(6*time.Minute)), message.ErrSignature)
	require.ErrorIs(t, verify(string(body), secret, now.Add(-6*time.Minute)), message.ErrSignature)
	_, err = (&message.WebhookSender{URL: "http://127.0.0.1:1", Secret: secret}).Send(t.Context(), message.Message{Key: "k"})
	require.ErrorIs(t, err, message.ErrRetry, "nobody listens: nothing was sent")
}

// mailbox is an SMTP server that keeps what it takes.
type mailbox struct {
	mu    sync.Mutex
	mails []string
	next  string // what it does with the next mail
	addr  string
}

func newMailbox(t *testing.T) *mailbox {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &mailbox{addr: listener.Addr().String()}
	var wg sync.WaitGroup
	quit := make(chan struct{})
	t.Cleanup(func() { close(quit); listener.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { b.serve(conn, quit) })
		}
	})
	return b
}

func (b *mailbox) serve(conn net.Conn, quit chan struct{}) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 mailbox")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		b.mu.Lock()
		mode := b.next
		b.mu.Unlock()
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO", "HELO", "MAIL", "RSET":
			say("250 ok")
		case "RCPT":
			switch mode {
			case "refuse":
				b.set("")
				say("550 no such mailbox")
			case "busy":
				b.set("")
				say("451 greylisted")
			default:
				say("250 ok")
			}
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				text.WriteString(strings.TrimPrefix(l, "."))
			}
			b.mu.Lock()
			b.mails = append(b.mails, text.String())
			b.mu.Unlock()
			if mode == "hang" {
				b.set("")
				<-quit
				return
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		}
	}
}

func (b *mailbox) set(mode string) { b.mu.Lock(); defer b.mu.Unlock(); b.next = mode }

func TestSMTPSender(t *testing.T) {
	sendertest.Run(t, func(t *testing.T) sendertest.Harness {
		b := newMailbox(t)
		return sendertest.Harness{
			Sender:  &message.SMTPSender{Addr: b.addr, From: "단골상점 <news@shop.example>", Open: true},
			Channel: message.Email, To: "ann@mail.example",
			Received: func(key string) (n int) {
				b.mu.Lock()
				defer b.mu.Unlock()
				for _, m := range b.mails {
					n += strings.Count(m, "Message-Id: <"+key+"@")
				}
				return n
			},
			Refuse: func() { b.set("refuse") }, Busy: func() { b.set("busy") }, Hang: func() { b.set("hang") },
		}
	})
}

func TestSMTPMessage(t *testing.T) {
	b := newMailbox(t)
	s := &message.SMTPSender{Addr: b.addr, From: "단골상점 <news@shop.example>", Open: true}
	long := strings.Repeat("긴 제목 ", 20)
	m := message.Message{Key: "abc", To: "ann@mail.example", Subject: "(광고) " + long, Text: "안녕하세요\n.점으로 시작", HTML: "<p>안녕</p>",
		Headers: map[string]string{"List-Unsubscribe": "<https://shop.example/u/x>"}}
	_, err := s.Send(t.Context(), m)
	require.NoError(t, err)
	got, err := mail.ReadMessage(strings.NewReader(b.mails[0]))
	require.NoError(t, err)
	subject, err := (&mime.WordDecoder{}).DecodeHeader(got.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, m.Subject, subject)
	require.Equal(t, "<https://shop.example/u/x>", got.Header.Get("List-Unsubscribe"))
	typ, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", typ)
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []string{m.Text, m.HTML} {
		p, err := parts.NextRawPart()
		require.NoError(t, err)
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	m.Headers = map[string]string{"X": "a\r\nBcc: evil@example.com"}
	_, err = s.Send(t.Context(), m)
	require.ErrorIs(t, err, message.ErrRejected)
	s.Open = false
	_, err = s.Send(t.Context(), message.Message{Key: "d", To: "ann@mail.example"})
	require.ErrorContains(t, err, "offers no TLS")
}
