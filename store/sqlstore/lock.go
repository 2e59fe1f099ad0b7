package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
)

// Whoever makes or changes tables holds a lock, so that others at the same moment wait
// and then find nothing to do. SQLite has one for every transaction that writes.

// locked runs f while a connection, which f is given, holds MariaDB's lock of a name: its
// schema statements end any transaction, and with it the locks of one.
func locked(ctx context.Context, db *sql.DB, name string, f func(*sql.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 60)", name).Scan(&got); err != nil {
		return fmt.Errorf("sqlstore: lock %s: %w", name, err)
	}
	if got.Int64 != 1 {
		return fmt.Errorf("%w: another process has held the lock %s for a minute", ErrBusy, name)
	}
	err = f(conn)
	// The lock must not stay with a pooled connection, even when ctx is done.
	if _, unlock := conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", name); unlock != nil {
		throwAway(conn) // the server frees what an ended connection held
	}
	return err
}

// lockTx takes PostgreSQL's lock of a name until the transaction ends.
func lockTx(ctx context.Context, tx *sql.Tx, name string) error {
	key := fnv.New64a()
	key.Write([]byte(name))
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(key.Sum64())); err != nil {
		return fmt.Errorf("sqlstore: lock %s: %w", name, err)
	}
	return nil
}
