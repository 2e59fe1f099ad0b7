package servers

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ClickHouse of today comes as a shared library, libchdb. It replaces the signal
// handlers of its process, so it runs in one of its own: the test binary itself,
// started again with the library's path in helperEnv.
const helperEnv = "DANGOL_CHDB_HELPER"

func init() {
	if path := os.Getenv(helperEnv); path != "" {
		if err := serveLibrary(path, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// ClickHouseLibrary starts ClickHouse from libchdb. Statements take no arguments.
func ClickHouseLibrary(t testing.TB) *sql.DB {
	t.Helper()
	path := module("@chdb/lib-linux-x64-gnu/libchdb.so")
	if path == "" {
		missing(t, "libchdb (ClickHouse in process)")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir = folder(t)
	cmd.Env = append(os.Environ(), helperEnv+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log output
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(&connector{lib: &helper{in: in, out: bufio.NewReader(out)}})
	t.Cleanup(func() {
		db.Close()
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("libchdb: %v\n%s", err, log.String())
		}
	})
	// The database it begins with takes names of tables for files.
	for _, query := range []string{"CREATE DATABASE shop", "USE shop"} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// serveLibrary answers statements of in until it ends. A statement and an answer
// are their length and their bytes; an answer begins with 0, or 1 for an error.
func serveLibrary(path string, in io.Reader, out io.Writer) error {
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return err
	}
	var (
		connect func(argc int32, argv **byte) *uintptr
		query   func(conn uintptr, sql *byte, length uint64, format *byte, formatLength uint64) uintptr
		free    func(result uintptr)
		buffer  func(result uintptr) *byte
		length  func(result uintptr) uint64
		failure func(result uintptr) string
	)
	purego.RegisterLibFunc(&connect, lib, "chdb_connect")
	purego.RegisterLibFunc(&query, lib, "chdb_query_n")
	purego.RegisterLibFunc(&free, lib, "chdb_destroy_query_result")
	purego.RegisterLibFunc(&buffer, lib, "chdb_result_buffer")
	purego.RegisterLibFunc(&length, lib, "chdb_result_length")
	purego.RegisterLibFunc(&failure, lib, "chdb_result_error")
	args := []*byte{cString("clickhouse"), cString("--path=data")}
	conn := connect(int32(len(args)), &args[0])
	if conn == nil {
		return errors.New("libchdb did not connect")
	}
	format := []byte("TabSeparatedWithNamesAndTypes")
	for {
		text, err := readFrame(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		result := query(*conn, &text[0], uint64(len(text)), &format[0], uint64(len(format)))
		answer := []byte{0}
		if why := failure(result); why != "" {
			answer = append([]byte{1}, why...)
		} else if n := length(result); n > 0 {
			answer = append(answer, unsafe.Slice(buffer(result), n)...)
		}
		free(result)
		if err := writeFrame(out, answer); err != nil {
			return err
		}
	}
}

func cString(s string) *byte {
	b := append([]byte(s), 0)
	return &b[0]
}

func readFrame(r io.Reader) ([]byte, error) {
	var n uint64
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return nil, err
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func writeFrame(w io.Writer, frame []byte) error {
	_, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(frame))), frame...))
	return err
}

// helper is the process as connections share it: one statement at a time.
type helper struct {
	mu  sync.Mutex
	in  io.Writer
	out io.Reader
}

func (h *helper) ask(text string) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := writeFrame(h.in, []byte(text)); err != nil {
		return nil, err
	}
	answer, err := readFrame(h.out)
	if err != nil {
		return nil, fmt.Errorf("libchdb is gone: %w", err)
	}
	if answer[0] == 1 {
		return nil, errors.New(string(answer[1:]))
	}
	return answer[1:], nil
}

// connector, connection and results are the least driver that database/sql takes.
type connector struct{ lib *helper }

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	return &connection{lib: c.lib}, nil
}
func (c *connector) Driver() driver.Driver            { return c }
func (c *connector) Open(string) (driver.Conn, error) { return &connection{lib: c.lib}, nil }

// connection knows transactions as the driver of servers does: what was prepared in
// one is a batch of rows, which Commit sends.
type connection struct {
	lib *helper
	in  *batch
}

type batch struct{ text strings.Builder }

var errNotHere = errors.New("libchdb: statements with arguments are not known here, but for batches of rows")

func (c *connection) Prepare(query string) (driver.Stmt, error) {
	c.in = &batch{}
	c.in.text.WriteString(query + " FORMAT TabSeparated\n")
	return c.in, nil
}
func (c *connection) Begin() (driver.Tx, error) { return c, nil }
func (c *connection) Close() error              { return nil }
func (c *connection) Rollback() error           { return nil }
func (c *connection) Commit() error {
	_, err := c.lib.ask(c.in.text.String())
	return err
}

func (b *batch) Close() error                              { return nil }
func (b *batch) NumInput() int                             { return -1 }
func (b *batch) Query([]driver.Value) (driver.Rows, error) { return nil, errNotHere }
func (b *batch) CheckNamedValue(*driver.NamedValue) error  { return nil }
func (b *batch) Exec(args []driver.Value) (driver.Result, error) {
	for i, arg := range args {
		if i > 0 {
			b.text.WriteByte('\t')
		}
		if arg == nil {
			b.text.WriteString(`\N`)
			continue
		}
		b.text.WriteString(escaped.Replace(fmt.Sprint(arg)))
	}
	b.text.WriteByte('\n')
	return driver.ResultNoRows, nil
}

var escaped = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func (c *connection) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, errNotHere
	}
	_, err := c.lib.ask(query)
	return driver.ResultNoRows, err
}

func (c *connection) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) > 0 {
		return nil, errNotHere
	}
	answer, err := c.lib.ask(query)
	if err != nil {
		return nil, err
	}
	r := &results{left: string(answer)}
	r.names, r.types = r.line(), r.line()
	return r, nil
}

type results struct {
	names, types []string
	left         string
}

func (r *results) line() []string {
	if r.left == "" {
		return nil
	}
	line, rest, _ := strings.Cut(r.left, "\n")
	r.left = rest
	cells := strings.Split(line, "\t")
	for i, c := range cells {
		if c != `\N` {
			cells[i] = unescaped.Replace(c)
		}
	}
	return cells
}

var unescaped = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r", `\0`, "\x00", `\b`, "\b", `\f`, "\f", `\'`, "'")

func (r *results) Columns() []string                       { return r.names }
func (r *results) ColumnTypeDatabaseTypeName(i int) string { return r.types[i] }
func (r *results) Close() error                            { return nil }

func (r *results) Next(dest []driver.Value) error {
	cells := r.line()
	if cells == nil {
		return io.EOF
	}
	for i, c := range cells {
		of := strings.TrimSuffix(strings.TrimPrefix(r.types[i], "Nullable("), ")")
		switch {
		case c == `\N`:
			dest[i] = nil
		case strings.HasPrefix(of, "Int") || strings.HasPrefix(of, "UInt"):
			n, err := strconv.ParseInt(c, 10, 64)
			if err != nil {
				return err
			}
			dest[i] = n
		default:
			dest[i] = c
		}
	}
	return nil
}
