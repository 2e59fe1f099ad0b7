package sqlstore

import (
	"context"
	"database/sql"
	"sync"
)

// Prepared keeps statements compiled on a pool, so that each costs one round trip
// with any driver. What a transaction ran uncompiled is compiled after its end, by
// Learn: to compile on the pool while a transaction holds the pool's only connection
// would wait for ever. It is safe for concurrent use.
type Prepared struct {
	db *sql.DB

	mu     sync.Mutex
	of     map[string]*sql.Stmt
	wanted map[string]bool
}

// maxPrepared bounds the statements; a service has some fifty texts, and a few more
// for inserts of many rows.
const maxPrepared = 200

// NewPrepared is without statements.
func NewPrepared(db *sql.DB) *Prepared {
	return &Prepared{db: db, of: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// find is the compiled statement, or nil when there is none yet.
func (p *Prepared) find(query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := p.of[query]
	if st == nil && len(p.of)+len(p.wanted) < maxPrepared {
		p.wanted[query] = true
	}
	return st
}

// Learn compiles what ran uncompiled. A statement that cannot be compiled stays as it
// is: it runs uncompiled, and if it is wrong says so then.
func (p *Prepared) Learn(ctx context.Context) {
	p.mu.Lock()
	var wanted []string
	for query := range p.wanted {
		wanted = append(wanted, query)
	}
	clear(p.wanted)
	p.mu.Unlock()
	for _, query := range wanted {
		st, err := p.db.PrepareContext(ctx, query)
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.of[query] == nil {
			p.of[query], st = st, nil
		}
		p.mu.Unlock()
		if st != nil { // somebody was faster
			st.Close()
		}
	}
}

// Close gives the statements back. The pool stays open.
func (p *Prepared) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first error
	for _, st := range p.of {
		if err := st.Close(); err != nil && first == nil {
			first = err
		}
	}
	clear(p.of)
	return first
}

// In runs statements in a transaction of the pool's, or on the pool itself when tx is
// nil: compiled where it can.
func (p *Prepared) In(tx *sql.Tx) Querier { return compiled{p, tx} }

type compiled struct {
	p  *Prepared
	tx *sql.Tx // nil: on the pool
}

func (c compiled) find(ctx context.Context, query string) *sql.Stmt {
	st := c.p.find(query)
	if st == nil || c.tx == nil {
		return st
	}
	return c.tx.StmtContext(ctx, st)
}

func (c compiled) plain() Querier {
	if c.tx == nil {
		return c.p.db
	}
	return c.tx
}

func (c compiled) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if st := c.find(ctx, query); st != nil {
		return st.ExecContext(ctx, args...)
	}
	return c.plain().ExecContext(ctx, query, args...)
}

func (c compiled) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if st := c.find(ctx, query); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return c.plain().QueryContext(ctx, query, args...)
}

func (c compiled) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if st := c.find(ctx, query); st != nil {
		return st.QueryRowContext(ctx, args...)
	}
	return c.plain().QueryRowContext(ctx, query, args...)
}
