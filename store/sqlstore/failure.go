package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// ErrLost is returned when the connection broke before the work was done. A read
// gave nothing, and nothing of a transaction is in the database: both may be done
// again. A break during COMMIT is ErrOutcomeUnknown instead.
var ErrLost = errors.New("sqlstore: the connection to the database was lost")

// ErrFull is returned when the database has no room left, on its disk or in what its
// settings allow. Nothing of the transaction is in it; once there is room it may be
// done again.
var ErrFull = errors.New("sqlstore: the database has no room left")

// named tells what an error of the engine is: ErrBusy, ErrLost or ErrFull before the
// engine's own words. Others, and those that are named already, stay as they are.
func (d Dialect) named(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrBusy, ErrLost, ErrFull, ErrOutcomeUnknown} {
		if errors.Is(err, known) {
			return err
		}
	}
	switch {
	case d.full(err):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case d.Retryable(err):
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case d.lost(err):
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return err
}

// full tells whether the engine had no room left.
func (d Dialect) full(err error) bool {
	switch d {
	case SQLite:
		var e interface{ Code() int }
		return errors.As(err, &e) && e.Code()&0xff == 13
	case Postgres:
		var e interface{ SQLState() string }
		return errors.As(err, &e) && (e.SQLState() == "53100" || e.SQLState() == "53400") // a disk, temp_file_limit
	case MySQL:
		switch mysqlNumber(err) {
		case 1021, 1041, 1114, 3: // disk full, out of memory, table full, write error of a temporary file
			return true
		}
	}
	return false
}

// lost tells whether the connection broke. Drivers say it in words of their own.
func (d Dialect) lost(err error) bool {
	if d == SQLite {
		return false
	}
	var e interface{ SQLState() string }
	if d == Postgres && errors.As(err, &e) {
		state := e.SQLState()
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "57P") // connection exceptions, a server that shuts down
	}
	if d == MySQL {
		switch mysqlNumber(err) {
		case 1053, 1927, 2006, 2013: // shutdown, killed, gone away
			return true
		}
	}
	for _, known := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ENOENT} {
		if errors.Is(err, known) {
			return true
		}
	}
	var n net.Error
	if errors.As(err, &n) {
		return !n.Timeout()
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		switch text := cause.Error(); {
		case text == "invalid connection", strings.HasSuffix(text, "conn closed"):
			return true
		}
	}
	return false
}
