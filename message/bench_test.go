package message_test

import (
	"context"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

// null is a provider that takes everything at once and can be asked.
type null struct{}

func (null) Send(context.Context, message.Message) (message.Receipted, error) {
	return message.Receipted{}, nil
}

func (null) Ask(context.Context, string) (message.Answer, error) { return message.Answer{}, nil }

// crowd is an Audience of n customers and Contacts that cost nothing, so that a
// benchmark measures the service.
type crowd []dangol.CustomerID

func (c crowd) Snapshot(_ context.Context, group string) (dangol.Snapshot, error) {
	return dangol.Snapshot{Group: group, Version: 1, Count: len(c)}, nil
}

func (c crowd) Members(_ context.Context, _ dangol.Snapshot, after dangol.CustomerID, limit int) ([]dangol.CustomerID, error) {
	lo, hi := 0, len(c)
	for lo < hi {
		if mid := (lo + hi) / 2; c[mid] <= after {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return c[lo:min(len(c), lo+limit)], nil
}

func (c crowd) Contains(context.Context, dangol.Snapshot, dangol.CustomerID) (bool, error) {
	return true, nil
}
func (c crowd) Hold(context.Context, string, dangol.Use) error    { return nil }
func (c crowd) Release(context.Context, string, dangol.Use) error { return nil }

func (c crowd) Contacts(_ context.Context, ids []dangol.CustomerID) (map[dangol.CustomerID]message.Contact, error) {
	out := make(map[dangol.CustomerID]message.Contact, len(ids))
	for _, id := range ids {
		out[id] = message.Contact{Addresses: map[message.Channel]string{message.SMS: string(id)}, Vars: map[string]any{"name": "손님"}}
	}
	return out, nil
}

// dispatch sends one advertising campaign to everybody who agreed, and says how many
// messages a second went through the freeze, the gate, the durable submit and the
// record of the outcome.
func dispatch(tb testing.TB, store message.Store, people crowd) (sent int, perSecond float64) {
	at := kst("2026-03-02 10:00")
	svc, err := message.New(message.Config{
		Store: store, Audience: people, Contacts: people, Senders: map[message.Channel]message.Sender{message.SMS: null{}},
		Clock: dangol.ClockFunc(func() time.Time { return at }), Sender: message.Identity{Name: "단골", OptOut: "무료거부 0801234567"},
	})
	require.NoError(tb, err)
	for i := 0; i < len(people); i += 1000 {
		var lines []message.Consent
		for _, id := range people[i:min(len(people), i+1000)] {
			lines = append(lines, message.Consent{Customer: id, Granted: true})
		}
		require.NoError(tb, svc.RecordConsent(tb.Context(), lines...))
	}
	c := daily()
	c.Schedule = message.Schedule{Start: at}
	_, err = svc.Save(tb.Context(), c)
	require.NoError(tb, err)
	require.NoError(tb, svc.Start(tb.Context(), c.ID))
	began := time.Now()
	p, err := svc.Tick(tb.Context())
	require.NoError(tb, err)
	return p.Submitted, float64(p.Submitted) / time.Since(began).Seconds()
}

func BenchmarkDispatchMemory(b *testing.B) {
	people := crowd(ids(10_000))
	for b.Loop() {
		n, rate := dispatch(b, &message.MemoryStore{}, people)
		require.Equal(b, len(people), n)
		b.ReportMetric(rate, "messages/s")
	}
}
