package coupon

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dangol-dev/dangol"
)

// LookupGuard slows down who tries codes at random. Client is Request.Client. It
// must be safe for concurrent use.
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
	order   []string // clients by their first miss
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
		if len(g.order) >= maxClients {
			delete(g.clients, g.order[0])
			g.order = slices.Delete(g.order, 0, 1)
		}
		c = &lookups{since: now}
		g.clients[client] = c
		g.order = append(g.order, client)
	}
	c.count += codes
	return nil
}

func (s *Service) allowLookup(ctx context.Context, req Request) error {
	if s.config.Lookups == nil || len(req.Codes) == 0 {
		return nil
	}
	ok, err := s.config.Lookups.Allow(ctx, req.Client)
	if err != nil {
		return err
	}
	if !ok {
		return ErrTooManyLookups
	}
	return nil
}

// countMisses tells the guard which of the typed codes do not exist.
func (s *Service) countMisses(ctx context.Context, req Request, found []*candidate) error {
	misses := 0
	for _, c := range found {
		if c.code != "" && slices.Contains(c.reason, ReasonUnknown) {
			misses++
		}
	}
	if s.config.Lookups == nil || misses == 0 {
		return nil
	}
	return s.config.Lookups.Missed(ctx, req.Client, misses)
}
