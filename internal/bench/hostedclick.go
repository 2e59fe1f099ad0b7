package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// clickDB is the ClickHouse of a helper process as database/sql sees it. Statements
// take no arguments. It keeps account of the time that answers spend on their way from
// the helper, which no server would take so.
type clickDB struct {
	p       *process
	carried time.Duration
}

func startHostedClick(dir string, o options) (*clickDB, error) {
	e, err := newClickHouse(dir, o.modules, o.threads)
	if err != nil {
		return nil, err
	}
	return &clickDB{p: e.(*process)}, nil
}

func (c *clickDB) Connect(context.Context) (driver.Conn, error) { return clickConn{c}, nil }
func (c *clickDB) Driver() driver.Driver                        { return c }
func (c *clickDB) Open(string) (driver.Conn, error)             { return clickConn{c}, nil }

func (c *clickDB) ask(query string) (reply, error) {
	began := time.Now()
	r, err := c.p.exec(query)
	c.carried += time.Since(began) - time.Duration(r.Micros)*time.Microsecond
	return r, err
}

type clickConn struct{ db *clickDB }

var errNoArguments = errors.New("libchdb takes neither arguments nor transactions here")

func (clickConn) Prepare(string) (driver.Stmt, error) { return nil, errNoArguments }
func (clickConn) Begin() (driver.Tx, error)           { return nil, errNoArguments }
func (clickConn) Close() error                        { return nil }

func (c clickConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, errNoArguments
	}
	_, err := c.db.ask(query)
	return driver.ResultNoRows, err
}

func (c clickConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) > 0 {
		return nil, errNoArguments
	}
	r, err := c.db.ask(query)
	return &clickRows{r}, err
}

type clickRows struct{ reply }

func (r *clickRows) Columns() []string                       { return r.Names }
func (r *clickRows) ColumnTypeDatabaseTypeName(i int) string { return r.Types[i] }
func (r *clickRows) Close() error                            { return nil }

func (r *clickRows) Next(dest []driver.Value) error {
	if len(r.Rows) == 0 {
		return io.EOF
	}
	for i, cell := range r.Rows[0] {
		dest[i] = cell
		if cell == `\N` {
			dest[i] = nil
		} else if strings.Contains(r.Types[i], "Int") {
			n, err := strconv.ParseInt(cell, 10, 64)
			if err != nil {
				return err
			}
			dest[i] = n
		}
	}
	r.Rows = r.Rows[1:]
	return nil
}
