package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// reader is one state of the data: a transaction where the engine has them, on
// ClickHouse a connection.
type reader struct {
	q       Querier // nil before the state begins
	dialect Dialect
	begin   func(context.Context) error
	opening chan error // gives what begin returned, where that runs ahead
	close   func()
	left    chan struct{} // is closed once a state is given up that the caller left
	failed  bool          // whether a statement did
	loops   bool          // whether PostgreSQL may loop over one part of a join within another
	hashes  bool          // whether PostgreSQL may group by hashing
	crowded *atomic.Int64 // Mapped.crowded
}

// ahead lets the state begin while the caller writes its first statement.
func (r *reader) ahead(ctx context.Context) {
	opening := make(chan error, 1)
	r.opening = opening
	go func() { opening <- r.begin(ctx) }()
}

// ready makes the state begin, unless it has.
func (r *reader) ready(ctx context.Context) error {
	switch {
	case r.opening != nil:
		err := <-r.opening
		r.opening = nil
		return err
	case r.q == nil:
		return r.begin(ctx)
	}
	return nil
}

// leave gives the state up while the caller goes on with what was read of it. End waits
// for that, and for a state that nothing was read of.
func (r *reader) leave() {
	if r.opening != nil || r.close == nil {
		return
	}
	left, leave := make(chan struct{}), r.close
	r.left, r.close = left, nil
	go func() {
		defer close(left)
		leave()
	}()
}

// end gives the state up, if it is not yet.
func (r *reader) end() {
	if r.opening != nil {
		<-r.opening
		r.opening = nil
	}
	if r.close != nil {
		r.close()
		r.close = nil
	}
	if r.left != nil {
		<-r.left
		r.left = nil
	}
}

func (s *Mapped) reader(ctx context.Context) (*reader, error) {
	r := s.later()
	return r, r.begin(ctx)
}

// later is a reader whose state begins with its first statement.
func (s *Mapped) later() *reader {
	r := &reader{dialect: s.m.dialect, loops: true, hashes: true, crowded: &s.crowded}
	r.begin = func(ctx context.Context) error {
		if s.m.dialect == ClickHouse {
			conn, err := s.db.Conn(ctx)
			if err != nil {
				return fmt.Errorf("sqlstore: connect: %w", err)
			}
			r.q = literals{conn}
			r.close = func() {
				if r.failed {
					throwAway(conn) // see apart
				}
				conn.Close()
			}
			return nil
		}
		tx, err := beginReading(ctx, s.db, s.m.dialect, s.single)
		if err != nil {
			return err
		}
		r.q, r.close = tx, func() { tx.Rollback() }
		return nil
	}
	return r
}

// lone runs work of one statement without a transaction, where nothing was asked before:
// a statement sees one state by itself, and to begin and end a transaction takes two or
// three round trips. Of PostgreSQL's it must want no settings of its own, see prepare.
func (s *Mapped) lone(r *reader, all []work) {
	if !s.single || len(all) != 1 || r.q != nil || r.opening != nil {
		return
	}
	if part := all[0].part; s.m.dialect != Postgres || len(part) == 1 && part[0].alone.Scans < 2 && !part[0].alone.Whole {
		r.q = s.db
	}
}

// statesAlone tells whether a statement of MariaDB's sees one committed state outside of
// a transaction, as the pool's connections are set up.
func statesAlone(ctx context.Context, db *sql.DB) (bool, error) {
	rows, err := db.QueryContext(ctx, "SHOW SESSION VARIABLES WHERE variable_name IN ('autocommit', 'tx_isolation', 'transaction_isolation')")
	if err != nil {
		return false, fmt.Errorf("sqlstore: %w", err)
	}
	defer rows.Close()
	commits, isolated := false, false
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return false, fmt.Errorf("sqlstore: %w", err)
		}
		if name == "autocommit" {
			commits = value == "ON"
		} else {
			isolated = value != "READ-UNCOMMITTED"
		}
	}
	return commits && isolated, rows.Err()
}

// plansAlone tells whether the pool's connections of PostgreSQL have what statements need
// from the start, see settings. What is serializable by itself may fail for what others
// write at the same time.
func plansAlone(ctx context.Context, db *sql.DB) (bool, error) {
	var set sql.NullBool // NULL of CockroachDB, which does not have all of them
	err := db.QueryRowContext(ctx, `SELECT current_setting('jit', true) = 'off' AND current_setting('plan_cache_mode', true) = 'force_custom_plan'
		AND current_setting('default_transaction_isolation', true) <> 'serializable'`).Scan(&set)
	if err != nil {
		return false, fmt.Errorf("sqlstore: %w", err)
	}
	return set.Bool, nil
}

// beginReading begins a transaction that reads one state of the data. Set tells of
// PostgreSQL that the connections are set up for statements already.
func beginReading(ctx context.Context, db *sql.DB, d Dialect, set bool) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if d != SQLite {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: begin: %w", err)
	}
	if d == Postgres && !set {
		if _, err := tx.ExecContext(ctx, "SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_custom_plan"); err != nil {
			return nil, errors.Join(fmt.Errorf("sqlstore: begin: %w", err), tx.Rollback())
		}
	}
	return tx, nil
}

// settings are what statements need of PostgreSQL. It compiles a statement that looks
// costly to it: one for many rules has thousands of expressions, and compiling took
// minutes where running took milliseconds. What it plans for any arguments, it plans
// without knowing how short a window is. For loops see prepare.
var settings = []string{"jit", "plan_cache_mode", "enable_nestloop", "enable_hashagg"}

// borrow sets up a transaction of the host's, and gives what puts its settings back.
func (r *reader) borrow(ctx context.Context) (restore func() error, err error) {
	if r.dialect != Postgres {
		return func() error { return nil }, nil
	}
	before := make([]string, len(settings))
	for i, name := range settings {
		if err := r.q.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&before[i]); err != nil {
			return nil, fmt.Errorf("sqlstore: %w", err)
		}
	}
	if _, err := r.q.ExecContext(ctx, "SET LOCAL jit = off; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_nestloop = on; SET LOCAL enable_hashagg = on"); err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	return func() error {
		for i, name := range settings {
			if _, err := r.q.ExecContext(ctx, "SELECT set_config($1, $2, true)", name, before[i]); err != nil {
				return fmt.Errorf("sqlstore: %w", err)
			}
		}
		return nil
	}, nil
}

// prepare sets the transaction up for a statement. Where PostgreSQL expects few rows
// of each of several scans, it loops over the scans within each other, which takes
// minutes when it is wrong. One scan joined to its customers by their key is safe.
func (r *reader) prepare(ctx context.Context, st sqlgen.Statement) error {
	if r.dialect != Postgres {
		return nil
	}
	if err := r.set(ctx, "enable_nestloop", &r.loops, st.Scans < 2); err != nil {
		return err
	}
	if err := r.set(ctx, "enable_hashagg", &r.hashes, true); err != nil || !st.Whole {
		return err
	}
	hashed, err := r.cost(ctx, st)
	if err != nil || hashed == 0 {
		return err
	}
	if err := r.set(ctx, "enable_hashagg", &r.hashes, false); err != nil {
		return err
	}
	inOrder, err := r.cost(ctx, st)
	if err != nil {
		return err
	}
	return r.set(ctx, "enable_hashagg", &r.hashes, inOrder == 0 || inOrder > dearest*hashed)
}

// dearest is how many times as costly PostgreSQL may think it to group all records of a
// kind in the order of an index instead of by hashing. It does not count that a hash of
// all customers lies outside of a processor's caches: measured on a hundred thousand of
// them, the order of an index took a third of the time at 1.1 times the cost. To sort
// the records first costs more than this.
const dearest = 2

// set turns a setting of the transaction on or off.
func (r *reader) set(ctx context.Context, name string, is *bool, on bool) error {
	if *is == on {
		return nil
	}
	to := map[bool]string{true: "on", false: "off"}[on]
	if _, err := r.q.ExecContext(ctx, "SET LOCAL "+name+" = "+to); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	*is = on
	return nil
}

var costOf = regexp.MustCompile(`cost=[0-9.]+\.\.([0-9.]+)`)

// cost is what PostgreSQL thinks that a statement costs, 0 when it does not tell.
func (r *reader) cost(ctx context.Context, st sqlgen.Statement) (float64, error) {
	rows, err := r.q.QueryContext(ctx, "EXPLAIN "+r.dialect.Rebind(st.SQL), st.Args...)
	if err != nil {
		return 0, fmt.Errorf("sqlstore: %w", err)
	}
	defer rows.Close()
	out := 0.0
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return 0, fmt.Errorf("sqlstore: %w", err)
		}
		if m := costOf.FindStringSubmatch(line); m != nil && out == 0 {
			out, _ = strconv.ParseFloat(m[1], 64) // the first line is of the whole
		}
	}
	return out, rows.Err()
}

// listened gives a goroutine of MySQL's driver the time to listen to a statement's
// context. Where it has not begun to when rows are closed right after that was
// cancelled, it may hear of the closing alone, and then the driver reads all rows that
// are left, which may be without end. Nothing tells that it listens; a processor that
// is given away several times runs it.
func listened() {
	for range 5 {
		runtime.Gosched()
		time.Sleep(200 * time.Microsecond)
	}
}

// rows runs a statement and gives every row to visit.
func (r *reader) rows(ctx context.Context, st sqlgen.Statement, visit func(scan func(...any) error) error) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	if err := r.prepare(ctx, st); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := r.q.QueryContext(ctx, r.dialect.Rebind(st.SQL), st.Args...)
	if err != nil {
		r.failed = true
		return fmt.Errorf("sqlstore: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			if r.dialect == MySQL {
				listened()
			}
			cancel() // else the driver would read the rest before it closes
			return err
		}
	}
	if err := rows.Err(); err != nil {
		r.failed = true
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}
