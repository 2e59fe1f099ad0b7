package coupon

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
)

// LookupGuard slows down who tries codes at random. The client is Request.Client in
// Quote and Reserve, the customer in Claim. It must be safe for concurrent use.
type LookupGuard interface {
	// Allow tells whether the client may look up codes now.
	Allow(ctx context.Context, client string) (bool, error)
	// Missed records that the client asked for so many codes that do not exist.
	Missed(ctx context.Context, client string, codes int) error
}

// NewLookupGuard is a guard in memory: a client may miss so many codes in any
// window; then it waits until the window has passed. Processes count apart. At
// most 100,000 clients are remembered; the oldest are forgotten first.
func NewLookupGuard(clock dangol.Clock, misses int, window time.Duration) LookupGuard {
	return &lookupGuard{clock: clock, misses: misses, window: window, clients: map[string]*lookups{}}
}

const maxClients = 100_000

type lookupGuard struct {
	clock  dangol.Clock
	misses int
	window time.Duration

	mu      sync.Mutex
	clients map[string]*lookups
	order   []string // clients by their first miss, a ring once it is full
	oldest  int
}

type lookups struct {
	since time.Time
	count int
}

func (g *lookupGuard) Allow(_ context.Context, client string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.clients[client]
	return c == nil || c.count < g.misses || !g.clock.Now().Before(c.since.Add(g.window)), nil
}

func (g *lookupGuard) Missed(_ context.Context, client string, codes int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	c := g.clients[client]
	if c != nil && !now.Before(c.since.Add(g.window)) {
		c.since, c.count = now, 0
	}
	if c == nil {
		c = &lookups{since: now}
		if len(g.order) < maxClients {
			g.order = append(g.order, client)
		} else {
			delete(g.clients, g.order[g.oldest])
			g.order[g.oldest] = client
			g.oldest = (g.oldest + 1) % maxClients
		}
		g.clients[client] = c
	}
	c.count += codes
	return nil
}

// allowLookup asks the guard whether a client may look codes up.
func (s *Service) allowLookup(ctx context.Context, client string) error {
	if s.config.Lookups == nil {
		return nil
	}
	ok, err := s.config.Lookups.Allow(ctx, client)
	if err == nil && !ok {
		err = ErrTooManyLookups
	}
	return err
}

// missed tells the guard of codes that do not exist.
func (s *Service) missed(ctx context.Context, client string, codes int) error {
	if s.config.Lookups == nil || codes == 0 {
		return nil
	}
	return s.config.Lookups.Missed(ctx, client, codes)
}

// misses counts the typed codes that do not exist.
func misses(found []*candidate) (n int) {
	for _, c := range found {
		if c.code != "" && slices.Contains(c.reason, ReasonUnknown) {
			n++
		}
	}
	return n
}
