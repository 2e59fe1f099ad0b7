package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Querier is what *sql.DB, *sql.Conn and *sql.Tx have in common, for statements
// that run in a transaction or outside.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// ErrOutcomeUnknown is returned when COMMIT failed in a way that does not tell
// whether the transaction is in the database, such as a cut connection. The
// caller finds out by reading a key that the transaction would have written.
var ErrOutcomeUnknown = errors.New("sqlstore: the transaction may or may not have been committed")

// ErrBusy is returned when a transaction still conflicted with others after the
// last retry: a deadlock, a lock that was not to be had in time. Store.Load, whose
// stream cannot be read again, is not retried. Nothing of it is in the database.
var ErrBusy = errors.New("sqlstore: the database stayed busy")

// attempts bounds how often InTx runs a transaction. With the waits between
// them, about two seconds pass before the last one.
const attempts = 12

// InTx runs f in a transaction and commits it; when f returns an error, the
// transaction is rolled back and the error returned. A transaction that the
// engine rolled back for another's sake (Dialect.Retryable) is run again, a
// bounded number of times with growing random waits, so f must do nothing but
// use the transaction and set variables it overwrites.
//
// PostgreSQL and MariaDB run it as READ COMMITTED, under which a guarded UPDATE
// sees the row as last committed; SQLite is always serializable.
func InTx(ctx context.Context, db *sql.DB, d Dialect, f func(*sql.Tx) error) error {
	return inTx(ctx, db, d, f)
}

// beginner is a pool, or one connection of it.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

func inTx(ctx context.Context, db beginner, d Dialect, f func(*sql.Tx) error) error {
	var opts *sql.TxOptions
	if d == Postgres || d == MySQL {
		opts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	wait := 2 * time.Millisecond
	for n := 1; ; n++ {
		err := once(ctx, db, d, opts, f)
		if err == nil || !d.Retryable(err) {
			return d.named(err)
		}
		if n == attempts {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		pause := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-pause.C:
		}
		wait = min(2*wait, 400*time.Millisecond)
	}
}

// unsureRuns bounds how often InKeyedTx runs a transaction to find out about itself.
const unsureRuns = 3

// InKeyedTx is InTx for an f that begins by reading what it would write, such as a
// row under the caller's key. When COMMIT's outcome is unknown it runs f again, which
// then meets its own writes, or writes them. ErrOutcomeUnknown is returned only when
// the database cannot be asked.
func InKeyedTx(ctx context.Context, db *sql.DB, d Dialect, f func(*sql.Tx) error) error {
	var unsure error
	for range unsureRuns {
		asked := false
		err := InTx(ctx, db, d, func(tx *sql.Tx) error {
			asked = true
			return f(tx)
		})
		switch {
		case errors.Is(err, ErrOutcomeUnknown):
			unsure = err
		case err != nil && unsure != nil && !asked:
			return fmt.Errorf("%w: %w", unsure, err)
		default:
			return err
		}
	}
	return unsure
}

func once(ctx context.Context, db beginner, d Dialect, opts *sql.TxOptions, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return d.named(fmt.Errorf("sqlstore: begin: %w", err))
	}
	defer tx.Rollback() // after Commit it does nothing; it also ends a transaction whose f panicked
	if err := f(tx); err != nil {
		return err
	}
	switch err := tx.Commit(); {
	case err == nil:
		return nil
	case d.Retryable(err):
		return fmt.Errorf("sqlstore: commit: %w", err)
	case ctx.Err() != nil && errors.Is(err, sql.ErrTxDone):
		return ctx.Err() // database/sql rolled it back before COMMIT was sent
	default:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}
