package segment

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/internal/civil"
	"github.com/dangol-dev/dangol/store"
)

// Config is what a Service needs. Only Data has no default.
type Config struct {
	// Data holds the shop's customers.
	Data store.Store
	// State keeps groups, members and history. Defaults to NewMemory().
	State Store
	// Clock tells the time of edits and schedules. Leases are held by the state's own
	// clock where it has one, as segmentsql does. Defaults to dangol.SystemClock.
	Clock dangol.Clock
	// Zone is the shop's: its midnight is when daily groups are refreshed.
	// Defaults to UTC.
	Zone *time.Location
	// Limit is how many groups a shop may have, archived and deleted ones not
	// counted. Defaults to 20; negative is no limit.
	Limit int
	// Authorizer is asked before each act. Defaults to allowing everything; one
	// that is set decides alone, also about calls without an actor.
	Authorizer Authorizer
	// Owner names this process in leases. A process that restarts under its old
	// name takes its own leases over at once, others wait until they expire, so no
	// two processes that run at once may share a name. Defaults to a random name.
	Owner string
	// Lease is how long after the death of a process others take its refreshes
	// over; a living one extends its leases. Defaults to 5 minutes.
	Lease time.Duration
	// Keep is how long past versions of members are kept; the present one always
	// is. Defaults to forever.
	Keep time.Duration
	// Email is the attribute that AddByEmail looks customers up by. Defaults to "email".
	Email string
}

func (c Config) withDefaults() Config {
	if c.State == nil {
		c.State = NewMemory()
	}
	if c.Clock == nil {
		c.Clock = dangol.SystemClock
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Limit == 0 {
		c.Limit = 20
	}
	if c.Owner == "" {
		c.Owner = "process-" + randomID()
	}
	if c.Lease == 0 {
		c.Lease = 5 * time.Minute
	}
	if c.Email == "" {
		c.Email = "email"
	}
	return c
}

func (c *Config) validate() error {
	switch {
	case c.Data == nil:
		return errors.New("segment: Config.Data is needed")
	case c.Lease < time.Second:
		return errors.New("segment: Config.Lease is at least a second")
	case c.Keep < 0:
		return errors.New("segment: Config.Keep is not negative")
	}
	return nil
}

// Service is the front door of groups. It is safe for concurrent use; any number
// of them, in any number of processes, may share one state.
type Service struct {
	cfg   Config
	state Store
	rules *rules
	// refreshing is held by the call that refreshes: a scheduler that calls again before
	// the last refresh has ended waits, where it would overrule its own lease.
	refreshing chan struct{}
	// joined is set where the state is a transaction of the host's: it is used by the
	// calling goroutine alone.
	joined bool
}

// New makes a Service. It starts nothing by itself: a host calls RefreshDue from
// its own scheduler, say once a minute.
func New(cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	r, err := newRules(cfg.Data.Catalog())
	if err != nil {
		return nil, fmt.Errorf("segment: the catalog of the data: %w", err)
	}
	return &Service{cfg: cfg, state: cfg.State, rules: r, refreshing: make(chan struct{}, 1)}, nil
}

// WithTx is the same service inside a transaction of the host's, such as
// segmentsql.WithTx(tx): what it writes is durable when the host commits, and gone when
// it rolls back. It is used by one goroutine, until the transaction ends. After any
// error the host must roll back.
func (s *Service) WithTx(tx HostTx) (*Service, error) {
	state, err := s.state.WithTx(tx)
	if err != nil {
		return nil, err
	}
	c := *s
	c.state, c.joined, c.refreshing = state, true, make(chan struct{}, 1)
	return &c, nil
}

func (s *Service) now() time.Time { return instant(s.cfg.Clock.Now()) }

// leaseNow is the time by which leases are held.
func (s *Service) leaseNow(r Reader) (time.Time, error) {
	if c, ok := r.(Clocked); ok {
		return c.Now()
	}
	return s.now(), nil
}

// midnight is the start of the local day of an instant.
func (s *Service) midnight(t time.Time) time.Time {
	return instant(civil.Of(t, s.cfg.Zone).StartOfDay().In(s.cfg.Zone))
}

// nextMidnight is the start of the local day after it.
func (s *Service) nextMidnight(t time.Time) time.Time {
	return instant(civil.Of(t, s.cfg.Zone).StartOfDay().AddDays(1).In(s.cfg.Zone))
}

func randomID() string { return strings.ToLower(rand.Text()[:16]) }

// attempts bounds how often a change is prepared anew because others changed the
// group meanwhile.
const attempts = 5

// retried runs f until it returns something else than ErrConflict.
func retried(ctx context.Context, f func() error) error {
	var err error
	for range attempts {
		if err = f(); !errors.Is(err, ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}
