package messagesql_test

import (
	"context"
	"database/sql"
	"fmt"
	"github.com/dangol-dev/dangol"
	"path/filepath"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
	"github.com/dangol-dev/dangol/message/messagesql"
	"github.com/dangol-dev/dangol/message/messagetest"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

func open(t testing.TB, path string) message.Store {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	reader, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reader.Close()) })
	s, err := messagesql.Open(t.Context(), sqlstore.SQLiteWriter(db), sqlstore.SQLite, messagesql.Options{Readers: reader})
	require.NoError(t, err)
	return s
}

func TestSQLite(t *testing.T) {
	messagetest.Run(t, func(t *testing.T) message.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) })
}

type null struct{}

func (null) Send(context.Context, message.Message) (message.Receipted, error) {
	return message.Receipted{}, nil
}

func (null) Ask(context.Context, string) (message.Answer, error) { return message.Answer{}, nil }

// send runs one advertising campaign over everybody, all of whom agreed.
func send(tb testing.TB, store message.Store, n int) (perSecond float64) {
	people := make(customers, n)
	for i := range people {
		people[i] = dangol.CustomerID(fmt.Sprintf("c%07d", i))
	}
	at := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	svc, err := message.New(message.Config{
		Store: store, Audience: people, Contacts: people, Senders: map[message.Channel]message.Sender{message.SMS: null{}},
		Clock: dangol.ClockFunc(func() time.Time { return at }), Sender: message.Identity{Name: "단골", OptOut: "무료거부 0801234567"},
	})
	require.NoError(tb, err)
	for i := 0; i < n; i += 1000 {
		var lines []message.Consent
		for _, id := range people[i:min(n, i+1000)] {
			lines = append(lines, message.Consent{Customer: id, Granted: true})
		}
		require.NoError(tb, svc.RecordConsent(tb.Context(), lines...))
	}
	_, err = svc.Save(tb.Context(), message.Campaign{ID: "all", Groups: []string{"all"}, Schedule: message.Schedule{Start: at},
		Contents: []message.Content{{Channel: message.SMS, Text: "{{.name}}님, 안녕하세요."}}})
	require.NoError(tb, err)
	require.NoError(tb, svc.Start(tb.Context(), "all"))
	began := time.Now()
	p, err := svc.Tick(tb.Context())
	require.NoError(tb, err)
	require.Equal(tb, n, p.Submitted)
	return float64(n) / time.Since(began).Seconds()
}

func BenchmarkDispatchSQLite(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(send(b, open(b, filepath.Join(b.TempDir(), "state.db")), 5_000), "messages/s")
	}
}
