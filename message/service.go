package message

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
)

// Config wires a Service to the host.
type Config struct {
	Store    Store              // required: where the state is kept
	Audience Audience           // required for campaigns on groups
	Contacts Contacts           // required: addresses and template variables
	Senders  map[Channel]Sender // required: one a channel that campaigns use
	Coupons  Coupons            // needed for coupon blocks with a definition. Defaults to none
	Sender   Identity           // the shop's name, contact and opt-out, required for advertising under rules that ask for them

	Clock     dangol.Clock   // of business time; claims are held by the store's own, where it has one. Defaults to dangol.SystemClock
	Zone      *time.Location // of schedules without a zone. Defaults to Asia/Seoul
	Country   string         // whose rules apply where neither contact nor campaign names one. Defaults to "KR"
	Rules     Rules          // Defaults to KoreaRules
	Variables []string       // the names that Contact.Vars may have; templates that use others are refused on Save. Defaults to no check
	Caps      []Cap          // how many messages a customer gets at most. Defaults to no caps
	Prices    Prices         // credits a message. Defaults to free

	// LowCredits is the balance below which Credits.Low holds and the credit ledger
	// gets a line of kind CreditLow. Defaults to 0.
	LowCredits int64

	Links   *Links  // signed links for clicks and one-click unsubscribe. Defaults to none
	Windows Windows // how long after a message an order is credited to it. Defaults to seven days on every channel

	// Keep is how long Prune keeps the details of what is over. Defaults to for ever.
	Keep time.Duration

	Workers int              // goroutines that send in one Tick. Defaults to 1
	Batch   int              // how many recipients a worker claims at once. Defaults to 200
	Chunk   int              // how many submits become durable at once on a channel that can resolve doubt (Idempotent or Asker). Defaults to 100; other channels submit one at a time
	Lease   time.Duration    // how long a claim is valid. Defaults to a minute
	Tries   int              // submits of a message that definitely fail before the next channel. Defaults to 5
	Backoff time.Duration    // before the second try; doubles each time. Defaults to 30 s
	Rates   map[Channel]Rate // how fast a channel is used, over all processes. Defaults to no limit
	Poll    time.Duration    // Run looks at least so often. Defaults to 10 s
}

// Rate is how many messages a provider takes in a time: no stretch of Per holds more.
type Rate struct {
	Messages int
	Per      time.Duration // Defaults to a second
}

func (c Config) withDefaults() (Config, error) {
	if c.Clock == nil {
		c.Clock = dangol.SystemClock
	}
	if c.Zone == nil {
		seoul, err := time.LoadLocation("Asia/Seoul")
		if err != nil {
			return c, fmt.Errorf("message: the default zone: %w", err)
		}
		c.Zone = seoul
	}
	if c.Country == "" {
		c.Country = "KR"
	}
	c.Rules = c.Rules.withDefaults()
	setDefault(&c.Workers, 1)
	setDefault(&c.Batch, 200)
	setDefault(&c.Chunk, 100)
	setDefault(&c.Lease, time.Minute)
	setDefault(&c.Tries, 5)
	setDefault(&c.Backoff, 30*time.Second)
	setDefault(&c.Poll, 10*time.Second)
	return c, nil
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (c Config) validate() error {
	switch {
	case c.Store == nil:
		return errors.New("message: no Store")
	case c.Contacts == nil:
		return errors.New("message: no Contacts")
	case c.Workers < 0 || c.Batch < 0 || c.Chunk < 0 || c.Lease < 0 || c.Tries < 0 || c.Backoff < 0 || c.Poll < 0 || c.Keep < 0:
		return errors.New("message: a negative setting")
	case c.Lease < time.Second:
		return errors.New("message: a lease under a second")
	}
	for ch, r := range c.Rates {
		if r.Messages <= 0 || r.Per < 0 {
			return fmt.Errorf("message: the rate of %s is not positive", ch)
		}
	}
	for _, limit := range c.Caps {
		if err := limit.validate(); err != nil {
			return err
		}
	}
	if err := c.Links.validate(); err != nil {
		return err
	}
	return c.Rules.validate()
}

// Service runs campaigns. It keeps nothing in memory that a restart would miss, so
// any number of Services, in any number of processes, may share a Store. It is safe
// for concurrent use.
type Service struct {
	cfg       Config
	store     Store
	joined    bool // the store's transaction is the host's
	templates *templateCache
}

// templateCache keeps parsed templates.
type templateCache struct {
	mu sync.Mutex
	of map[templateKey]*body
}

// New makes a Service.
func New(cfg Config) (*Service, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Service{
		cfg: cfg, store: cfg.Store, templates: &templateCache{of: map[templateKey]*body{}},
	}, nil
}

// WithTx is the same service inside a transaction of the host's, such as
// messagesql.WithTx(tx), so that an order, a consent or an event is stored together
// with the host's own rows or not at all. It is used by one goroutine, until the
// transaction ends; after any error the host must roll back. What would send, wait, or
// hold groups returns ErrHostTx: a message leaves only after its row is durable.
func (s *Service) WithTx(tx HostTx) (*Service, error) {
	store, err := s.store.WithTx(tx)
	if err != nil {
		return nil, err
	}
	joined := *s
	joined.store, joined.joined = store, true
	return &joined, nil
}

// alone returns ErrHostTx for what must not be done inside the host's transaction.
func (s *Service) alone(what string) error {
	if s.joined {
		return fmt.Errorf("%w: %s", ErrHostTx, what)
	}
	return nil
}

// leaseNow is the time by which claims are held.
func (s *Service) leaseNow(tx Tx) (time.Time, error) {
	if a, ok := tx.(*ahead); ok {
		tx = a.Tx
	}
	if c, ok := tx.(Clocked); ok {
		return c.Now()
	}
	return s.now(), nil
}

func (s *Service) now() time.Time { return s.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

// Campaigns of a busy shop have few templates; beyond this many the cache starts anew.
const maxTemplates = 1000

type templateKey struct {
	text string
	html bool
}

// fill renders a template of text or HTML.
func (s *Service) fill(text string, html bool, vars map[string]any) (string, error) {
	key := templateKey{text, html}
	c := s.templates
	c.mu.Lock()
	t := c.of[key]
	c.mu.Unlock()
	if t == nil {
		var err error
		if t, err = parseTemplate(text, s.cfg.Variables, html); err != nil {
			return "", err
		}
		c.mu.Lock()
		if len(c.of) >= maxTemplates {
			clear(c.of)
		}
		c.of[key] = t
		c.mu.Unlock()
	}
	return t.fill(vars)
}
