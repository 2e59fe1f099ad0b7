package coupon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
)

// Audience answers who is in a group. Package segment satisfies it. It is asked
// outside of the service's own transactions, but within the host's when the
// service has joined one; it must not wait for the same single connection then.
type Audience interface {
	// Snapshot is the group's newest frozen state. An error means that the group
	// is broken, missing or cannot be asked: the coupon is then not usable.
	Snapshot(ctx context.Context, group string) (dangol.Snapshot, error)
	// Contains tells whether the customer is a member in the snapshot.
	Contains(ctx context.Context, s dangol.Snapshot, id dangol.CustomerID) (bool, error)
	// GroupPricing tells whether members of the group get promotions in a store.
	GroupPricing(ctx context.Context, group, store string) (bool, error)
}

// Holder is an Audience that keeps a ledger of who uses a group, so that a group on
// which a coupon rests is not deleted under it. Package segment satisfies it. Save
// holds the groups of a definition as dangol.UseReference and releases those that a
// new version no longer names.
type Holder interface {
	Hold(ctx context.Context, group string, use dangol.Use) error
	Release(ctx context.Context, group string, use dangol.Use) error
}

// Config sets up a Service. The zero value works for a shop in won without groups
// and links.
type Config struct {
	Clock    dangol.Clock    // Defaults to dangol.SystemClock
	Currency dangol.Currency // of definitions that name none. Defaults to dangol.KRW
	Zone     *time.Location  // of definitions that name none. Defaults to time.UTC
	Audience Audience        // Defaults to none: a coupon with an Audience is then for nobody

	// Hold is how long a reservation keeps its uses without a commit.
	// Defaults to 30 minutes.
	Hold time.Duration
	// Keep is how long after their end Prune keeps codes that nobody touched.
	// Defaults to for ever.
	Keep time.Duration
	// MaxCoupons is how many coupons one order takes; promotions do not count.
	// Defaults to no bound.
	MaxCoupons int
	// CodeSymbols is the length of generated codes without their check symbol,
	// 10 to 30. Defaults to 15: 75 random bits.
	CodeSymbols int

	// LinkBase is the address of the Handler, such as
	// https://shop.example/coupons. Defaults to "": links are relative.
	LinkBase string
	// LinkSecrets sign links. The first signs, all of them verify, so a new one
	// is put in front. At least 32 bytes each. Defaults to none: Link and the
	// Handler return ErrRequest.
	LinkSecrets [][]byte

	// LinkLife is how long the link of a grant without an end is good, from its
	// issue. Defaults to 365 days.
	LinkLife time.Duration

	// Lookups limits the search for codes that do not exist.
	// Defaults to no limit.
	Lookups LookupGuard
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = dangol.SystemClock
	}
	if c.Currency == "" {
		c.Currency = dangol.KRW
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Hold == 0 {
		c.Hold = 30 * time.Minute
	}
	if c.LinkLife == 0 {
		c.LinkLife = 365 * 24 * time.Hour
	}
	if c.CodeSymbols == 0 {
		c.CodeSymbols = 15
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	rule := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New(text))
		}
	}
	_, known := c.Currency.Digits()
	rule(known, "Currency is not in ISO 4217")
	rule(c.Zone.String() != "Local", "Zone must be named, such as Asia/Seoul, so that every machine reads it alike")
	rule(c.Hold > 0, "Hold must not be negative")
	rule(c.Keep >= 0, "Keep must not be negative")
	rule(c.LinkLife > 0, "LinkLife must not be negative")
	rule(c.MaxCoupons >= 0, "MaxCoupons must not be negative")
	rule(c.CodeSymbols >= minCodeSymbols && c.CodeSymbols <= 30, "CodeSymbols must be between 10 and 30")
	for _, s := range c.LinkSecrets {
		rule(len(s) >= 32, "LinkSecrets need 32 bytes each")
	}
	if len(errs) > 0 {
		return fmt.Errorf("coupon: invalid config: %w", errors.Join(errs...))
	}
	return nil
}

// Service gives, checks and redeems coupons. It keeps no state of its own and is
// safe for concurrent use.
type Service struct {
	store  Store
	config Config
	random io.Reader
	joined bool         // the store's transaction is the host's
	asks   *atomic.Bool // the last Reserve needed answers of groups
}

// New makes a service over a store. It returns an error for an invalid config.
func New(store Store, config Config) (*Service, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Service{store: store, config: config, random: rand.Reader, asks: new(atomic.Bool)}, nil
}

// WithTx is the same service inside a transaction of the host's, so that an order
// and its coupons are stored together or not at all. Nothing is done until the
// host commits. After any error but a *RefusedError the host must roll back.
func (s *Service) WithTx(tx HostTx) (*Service, error) {
	store, err := s.store.WithTx(tx)
	if err != nil {
		return nil, err
	}
	joined := *s
	joined.store, joined.joined = store, true
	return &joined, nil
}

// now is the clock's time as stores keep it.
func (s *Service) now() time.Time { return instant(s.config.Clock.Now()) }

// instant is a time as stores keep it: microseconds, UTC, no monotonic reading.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// update runs f in a transaction, again when records changed under it. In a host's
// transaction only the host can start again.
func (s *Service) update(ctx context.Context, f func(Tx) error) error {
	const tries = 5
	for n := 1; ; n++ {
		err := s.store.Update(ctx, f)
		if n == tries || s.joined || !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

func requestError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRequest, fmt.Sprintf(format, args...))
}

// maxKeyBytes bounds the keys of callers and customers.
const maxKeyBytes = 255

// checkLabels bounds texts that may be empty.
func checkLabels(texts ...string) error {
	for _, t := range texts {
		if len(t) > maxKeyBytes {
			return requestError("campaigns, groups and events must have at most %d bytes", maxKeyBytes)
		}
	}
	return nil
}

func checkKey(what, key string) error {
	if key == "" || len(key) > maxKeyBytes {
		return requestError("%s must have 1 to %d bytes", what, maxKeyBytes)
	}
	return nil
}
