package servers

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// Main runs a package's tests with one server of each engine among them, which ends
// with the last test. It is for the package's TestMain, and does not return:
//
//	func TestMain(m *testing.M) { servers.Main(m) }
//
// In a package without it every call starts a server of its own.
func Main(m *testing.M) {
	all.on = true
	code := m.Run()
	all.end()
	os.Exit(code)
}

// all are the servers that tests of this process share.
var all sharing

type sharing struct {
	on      bool
	mu      sync.Mutex
	running map[string]*running
	last    atomic.Int64 // the number of the last database
}

// running is a server that is there until the process ends. Its zero value is not yet
// started.
type running struct {
	mu     sync.Mutex
	server *Server
	db     *sql.DB
	ends   []func()
}

func (s *sharing) named(name string) *running {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = map[string]*running{}
	}
	if s.running[name] == nil {
		s.running[name] = &running{}
	}
	return s.running[name]
}

// begin starts the server where it is the first time. One that did not start is tried
// again by the next test, which then fails as plainly.
func (r *running) begin(t testing.TB, start func(testing.TB) *Server) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.db != nil {
		return
	}
	defer func() {
		if r.db == nil {
			r.end()
		}
	}()
	r.server = start(outlived{t, r})
	r.db = r.server.Open(outlived{t, r})
}

func (s *sharing) end() {
	for _, r := range s.running {
		r.end()
	}
}

func (r *running) end() {
	for i := len(r.ends) - 1; i >= 0; i-- {
		r.ends[i]()
	}
	r.ends = nil
}

// outlived is a test that ends before the server it was the first to ask for: what the
// server leaves is cleared away with the server, and the test is not told.
type outlived struct {
	testing.TB
	of *running
}

func (o outlived) Cleanup(f func()) { o.of.ends = append(o.of.ends, f) }
func (o outlived) Failed() bool     { return false }

// database is an empty database of the test's own on the shared server, dropped at
// its end; or on a server of its own where nothing is shared.
func database(t testing.TB, name string, start func(testing.TB) *Server) *Server {
	t.Helper()
	if !all.on {
		return start(t)
	}
	r := all.named(name)
	r.begin(t, start)
	own := fmt.Sprintf("d%d", all.last.Add(1))
	create, drop := "CREATE DATABASE "+own, "DROP DATABASE "+own
	switch r.server.Driver {
	case "pgx":
		create += " STRATEGY file_copy" // the other way writes a log of it, which takes longer
		drop += " WITH (FORCE)"
	case "mysql":
		create += " CHARACTER SET utf8mb4"
	}
	if _, err := r.db.Exec(create); err != nil {
		t.Fatalf("%s: %s: %v", name, create, err)
	}
	t.Cleanup(func() {
		if _, err := r.db.Exec(drop); err != nil {
			t.Logf("%s: %s: %v", name, drop, err)
		}
	})
	return r.server.with(t, own)
}

// with is the server, another of its databases being the one that is opened.
func (s *Server) with(t testing.TB, database string) *Server {
	t.Helper()
	out := *s
	switch s.Driver {
	case "pgx":
		out.DSN = strings.Replace(s.DSN, "@/postgres?", "@/"+database+"?", 1)
	case "clickhouse":
		out.DSN = strings.Replace(s.DSN, "/default?", "/"+database+"?", 1)
	default:
		cfg, err := mysql.ParseDSN(s.DSN)
		if err != nil {
			t.Fatal(err)
		}
		cfg.DBName = database
		out.DSN = cfg.FormatDSN()
	}
	return &out
}
