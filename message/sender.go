package message

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
)

// Sender hands messages of one channel to a provider. A host implements Send and, if
// the provider allows, the optional interfaces Idempotent, Asker and Batcher;
// sendertest checks all of it.
//
//   - A nil error means that the provider took the message.
//   - An error that wraps ErrRejected means that it definitely did not and never will
//     take it: the next channel is tried.
//   - An error that wraps ErrRetry means that it definitely did not take it now: the
//     message is tried again later. RetryAfter makes such an error with a delay.
//   - Any other error, a timeout above all, means that nobody knows. The message is
//     then sent again only if the Sender is Idempotent or can be asked.
//   - Send keeps to the deadline of ctx, which is the end of the claim on the message.
//   - Send is called by several goroutines at once.
//   - Send must not call back into the Service.
type Sender interface {
	Send(ctx context.Context, m Message) (Receipted, error)
}

// Idempotent is a Sender whose provider takes the message's Key as an idempotency
// key: a message that is sent twice under one key goes out once.
type Idempotent interface {
	Sender
	// Remembers is how long after the first submit the provider knows the key. After
	// that a message in doubt is not sent again.
	Remembers() time.Duration
}

// Asker is a Sender whose provider can be asked what became of a key.
type Asker interface {
	Sender
	// Ask tells whether the message with this key was taken. It returns an error when
	// that cannot be said now.
	Ask(ctx context.Context, key string) (Answer, error)
}

// Batcher is a Sender whose provider takes many messages in one call.
type Batcher interface {
	Sender
	// SendBatch hands over messages of one channel, at most Config.Chunk of them, and
	// says of each, in their order, what Send would have said. An error of its own, or
	// a wrong number of answers, means that nobody knows about any of them.
	SendBatch(ctx context.Context, ms []Message) ([]Sent, error)
}

// Sent is the answer to one message of a batch.
type Sent struct {
	Receipted
	Err error
}

// Answer is what a provider knows about a key.
type Answer struct {
	Known    bool   // it has seen the key
	Rejected string // and refused the message, for this reason
	ID       string // and took it under this id of its own
}

// Receipted is what a provider says when it takes a message.
type Receipted struct {
	ID string // the provider's id of the message, if it gives one
}

// Message is what a customer gets: rendered, labelled, ready to be handed over.
type Message struct {
	Key      string // idempotency key, the same for every try: 32 letters and digits
	Channel  Channel
	Purpose  Purpose
	To       string // the address on the channel
	Subject  string
	Text     string
	HTML     string
	Image    string
	Buttons  []Button
	Coupon   *Coupon // the coupon block as data; Text holds it too where the channel has no block of its own
	Template string
	Headers  map[string]string // for e-mail: List-Unsubscribe and the like

	Campaign   string
	Occurrence string
	Customer   dangol.CustomerID
	Variant    string
	Test       bool // a test send: counts for nothing
}

// Coupon is a coupon as a message shows it.
type Coupon struct {
	Type        string
	Name        string
	URL         string
	Description string
	Code        string
}

// ErrRejected is returned by a Sender when the provider definitely refused a message
// for good.
var ErrRejected = errors.New("message: the provider refused the message")

// ErrRetry is returned by a Sender when the provider definitely did not take a
// message but may later.
var ErrRetry = errors.New("message: the provider did not take the message now")

// RetryAfter is an error that wraps ErrRetry and asks for a delay before the next try.
func RetryAfter(d time.Duration, why string) error { return &retryError{d, why} }

type retryError struct {
	after time.Duration
	why   string
}

func (e *retryError) Error() string { return fmt.Sprintf("%v: %s", ErrRetry, e.why) }
func (e *retryError) Unwrap() error { return ErrRetry }

// deliveryKey is the key of the one submit that a recipient may have on a channel.
// It tells nobody who the customer is.
func deliveryKey(campaign, occurrence string, customer dangol.CustomerID, ch Channel) string {
	return digest(campaign, occurrence, string(customer), string(ch))
}

// digest names what some texts say without saying it.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
