// Package sendertest checks that a host's adapter keeps the promises of
// message.Sender, Idempotent and Asker against a provider, or a stand-in for one:
//
//	func TestGateway(t *testing.T) {
//		sendertest.Run(t, func(t *testing.T) sendertest.Harness {
//			provider := startFakeProvider(t)
//			return sendertest.Harness{Sender: NewGateway(provider.URL), To: "010-0000-0000",
//				Received: provider.CountByKey, Refuse: provider.RefuseNext, Hang: provider.HangNext}
//		})
//	}
package sendertest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Harness is a sender with its provider.
type Harness struct {
	Sender  message.Sender
	Channel message.Channel // of the messages sent. Defaults to sms
	To      string          // an address that the provider takes

	// Received tells how often the provider has sent out the message with the key.
	// Required.
	Received func(key string) int
	// Refuse makes the provider definitely refuse the next message. Defaults to
	// leaving the case out.
	Refuse func()
	// Busy makes the provider definitely not take the next message for now. Defaults to
	// leaving the case out.
	Busy func()
	// Hang makes the provider take the next message and not answer before the deadline.
	// Defaults to leaving the case out.
	Hang func()
}

// Run runs the suite. open gives a fresh harness; the suite opens one a case.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name, why string
		run       func(*testing.T, Harness)
	}{
		{"Sends", "nil means that the provider took the message, once", sends},
		{"Concurrent", "workers share a sender", concurrent},
		{"Refused", "a definite refusal wraps ErrRejected, so that the next channel is tried", refused},
		{"Busy", "a definite not-now wraps ErrRetry, so that the message is tried again", busy},
		{"Doubt", "a timeout wraps neither: nobody knows, and a guess would send twice or never", doubt},
		{"Cancelled", "a call whose context is over does not hang", cancelled},
		{"Idempotent", "a repeated key goes out once, or the sender must not say that it is idempotent", idempotent},
		{"Asked", "an answer about a key is what happened, and an unknown key is unknown", asked},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log("the promise: " + c.why)
				}
			}()
			h := open(t)
			if h.Channel == "" {
				h.Channel = message.SMS
			}
			c.run(t, h)
		})
	}
}

func (h Harness) message(n int) message.Message {
	return message.Message{
		Key: hex.EncodeToString([]byte(fmt.Sprintf("sendertest%06d", n))), Channel: h.Channel, Purpose: message.Informational,
		To: h.To, Subject: "시험", Text: fmt.Sprintf("시험 메시지 %d번입니다.", n),
		Campaign: "sendertest", Occurrence: "2026-03-02T10:00:00", Customer: "c1",
	}
}

func sends(t *testing.T, h Harness) {
	for n := range 3 {
		m := h.message(n)
		_, err := h.Sender.Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, 1, h.Received(m.Key))
	}
}

func concurrent(t *testing.T, h Harness) {
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			_, err := h.Sender.Send(t.Context(), h.message(n))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	for n := range 16 {
		require.Equal(t, 1, h.Received(h.message(n).Key))
	}
}

func refused(t *testing.T, h Harness) {
	if h.Refuse == nil {
		t.Skip("the harness cannot refuse")
	}
	h.Refuse()
	m := h.message(1)
	_, err := h.Sender.Send(t.Context(), m)
	require.ErrorIs(t, err, message.ErrRejected)
	require.NotErrorIs(t, err, message.ErrRetry)
	require.Zero(t, h.Received(m.Key))
}

func busy(t *testing.T, h Harness) {
	if h.Busy == nil {
		t.Skip("the harness cannot be busy")
	}
	h.Busy()
	m := h.message(1)
	_, err := h.Sender.Send(t.Context(), m)
	require.ErrorIs(t, err, message.ErrRetry)
	require.NotErrorIs(t, err, message.ErrRejected)
	require.Zero(t, h.Received(m.Key))
	_, err = h.Sender.Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, 1, h.Received(m.Key))
}

func doubt(t *testing.T, h Harness) {
	if h.Hang == nil {
		t.Skip("the harness cannot hang")
	}
	h.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	m := h.message(1)
	_, err := h.Sender.Send(ctx, m)
	require.Error(t, err)
	require.NotErrorIs(t, err, message.ErrRejected)
	require.NotErrorIs(t, err, message.ErrRetry)
}

func cancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	go func() {
		_, err := h.Sender.Send(ctx, h.message(1))
		done <- err
	}()
	select {
	case err := <-done:
		if errors.Is(err, message.ErrRetry) || errors.Is(err, message.ErrRejected) {
			require.Zero(t, h.Received(h.message(1).Key), "it said definitely not")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Send does not heed its context")
	}
}

func idempotent(t *testing.T, h Harness) {
	s, ok := h.Sender.(message.Idempotent)
	if !ok {
		t.Skip("the sender does not take idempotency keys")
	}
	require.Positive(t, s.Remembers())
	m := h.message(1)
	for range 3 {
		_, err := s.Send(t.Context(), m)
		require.NoError(t, err)
	}
	require.Equal(t, 1, h.Received(m.Key))
	other := h.message(2)
	other.Text, other.To = m.Text, m.To
	_, err := s.Send(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, 1, h.Received(other.Key), "the key decides, not the text")
}

func asked(t *testing.T, h Harness) {
	s, ok := h.Sender.(message.Asker)
	if !ok {
		t.Skip("the sender cannot be asked")
	}
	m := h.message(1)
	a, err := s.Ask(t.Context(), m.Key)
	require.NoError(t, err)
	require.False(t, a.Known, "nothing was sent yet")
	got, err := s.Send(t.Context(), m)
	require.NoError(t, err)
	a, err = s.Ask(t.Context(), m.Key)
	require.NoError(t, err)
	require.True(t, a.Known)
	require.Empty(t, a.Rejected)
	require.Equal(t, got.ID, a.ID)
	if h.Hang == nil {
		return
	}
	h.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	m = h.message(2)
	_, err = s.Send(ctx, m)
	require.Error(t, err)
	a, err = s.Ask(t.Context(), m.Key)
	require.NoError(t, err)
	require.Equal(t, h.Received(m.Key) > 0, a.Known, "after a lost answer, what happened")
}
