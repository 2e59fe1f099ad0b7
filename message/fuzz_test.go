package message_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
)

// Whatever a marketer types, Save and Preview answer in words and in time.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"#{name}님", "{{.name}}", "{{range .items}}{{.}}, {{else}}없음{{end}}", "{{if gt .points 100}}VIP{{end}}",
		"{{range $i, $x := .items}}{{$i}}{{end}}", "{{with .name}}{{.}}{{end}}", "{{/* c */}}", "{{`a`}}", "{{number .points}}", "{{.name.x}}", "{{$x := 1}}{{$x}}", "{{break}}"} {
		f.Add(text)
	}
	s, err := message.New(message.Config{Store: &message.MemoryStore{}, Contacts: &book{other: map[customerID]message.Contact{
		"ann": {Addresses: map[message.Channel]string{message.Email: "a@shop.example"}, Vars: map[string]any{"name": "<b>", "points": 300_000_000, "items": []string{"a", "b"}}},
	}}, Senders: map[message.Channel]message.Sender{message.Email: null{}}, Audience: newGroups(),
		Sender: message.Identity{Name: "단골", OptOut: "무료거부 0801234567"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := daily()
		c.Contents = []message.Content{{Channel: message.Email, Subject: "x", Text: text, HTML: "<p title='" + text + "'>" + text + "</p>"}}
		m, err := s.Preview(t.Context(), c, "ann")
		if err == nil && strings.ContainsAny(m.Text, "\x00\x07\u202e") {
			t.Fatalf("control characters got through: %q", m.Text)
		}
	})
}

func FuzzRRule(f *testing.F) {
	for _, text := range []string{"FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=10", "FREQ=MONTHLY;BYMONTHDAY=-1,15;UNTIL=20271231T000000Z"} {
		f.Add(text)
	}
	start := kst("2026-03-02 10:00")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := message.ParseRRule(text, start, "Asia/Seoul")
		if err != nil {
			return
		}
		again, err := message.ParseRRule(s.RRule(), start, "Asia/Seoul")
		if err != nil || again.RRule() != s.RRule() {
			t.Fatalf("%q is written as %q and read as %q, %v", text, s.RRule(), again.RRule(), err)
		}
		last := start.Add(-time.Second)
		for _, at := range s.Times(last, 5) {
			if !at.After(last) {
				t.Fatalf("%q goes back: %s after %s", text, at, last)
			}
			last = at
		}
	})
}

// No request to the signed links is answered with anything but a refusal.
func FuzzLinks(f *testing.F) {
	s, err := message.New(message.Config{Store: &message.MemoryStore{}, Contacts: &book{}, Links: &message.Links{Base: "https://shop.example/m", Secret: []byte(strings.Repeat("s", 32))}})
	if err != nil {
		f.Fatal(err)
	}
	handler := s.Handler()
	f.Add("c/AAAA")
	f.Add("u/" + strings.Repeat("A", 60))
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest(http.MethodPost, "https://shop.example/m/", nil)
		if err != nil {
			t.Skip()
		}
		r.URL.Path = "/m/" + path
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r.Method = method
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if code := w.Result().StatusCode; code < 300 || code == http.StatusFound {
				t.Fatalf("%s %q: %d", method, path, code)
			}
		}
	})
}
