package segment_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/store"
)

// slow is data that takes long to answer.
type slow struct {
	store.Store
	takes time.Duration
}

func (s *slow) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(s.takes):
		return s.Store.Select(ctx, q)
	}
}

// A refresh that takes half an hour is left alone by another process that looks
// every minute, and is saved.
func TestALongRefreshKeepsItsLease(t *testing.T) {
	defer goleak.VerifyNone(t)
	data := shopData(t)
	synctest.Test(t, func(t *testing.T) {
		state, patient := segment.NewMemory(), &slow{Store: data}
		one, err := segment.New(segment.Config{Data: patient, State: state, Owner: "one"})
		require.NoError(t, err)
		two, err := segment.New(segment.Config{Data: data, State: state, Owner: "two"})
		require.NoError(t, err)
		_, err = one.Create(t.Context(), segment.Definition{ID: "g", Name: "g", Rule: "orders"})
		require.NoError(t, err)
		time.Sleep(24 * time.Hour)
		patient.takes = 30 * time.Minute
		finished := make(chan []segment.Refreshed)
		go func() {
			done, err := one.RefreshDue(t.Context())
			if err != nil {
				t.Error(err)
			}
			finished <- done
		}()
		synctest.Wait()
		for range 29 {
			done, err := two.RefreshDue(t.Context())
			require.NoError(t, err)
			var lease *segment.LeaseError
			require.Len(t, done, 1)
			require.True(t, errors.As(done[0].Err, &lease))
			require.Equal(t, "one", lease.Owner)
			time.Sleep(time.Minute)
		}
		// One's own scheduler goes on calling as well, and finds nothing left to do.
		again := make(chan []segment.Refreshed)
		go func() {
			done, err := one.RefreshDue(t.Context())
			if err != nil {
				t.Error(err)
			}
			again <- done
		}()
		done := <-finished
		require.NoError(t, done[0].Err)
		require.Empty(t, <-again)
		g, err := one.Get(t.Context(), "g")
		require.NoError(t, err)
		require.Equal(t, 30*time.Minute, g.RefreshedAt.Sub(g.AsOf), "recorded when it was saved")
		require.Equal(t, 24*time.Hour, g.Due.Sub(g.AsOf), "due when the next day begins")
	})
}
