package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// engine is a database to measure on, empty at first.
type engine struct {
	dialect sqlstore.Dialect
	version string
	dsn     string
	db      *sql.DB // for writing
	readers *sql.DB
	server  *exec.Cmd
}

// connections is more than any number of workers needs at once.
const connections = 24

func start(ctx context.Context, o options, name string) (*engine, error) {
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var e *engine
	var err error
	switch name {
	case "postgres":
		e, err = startPostgres(ctx, o, dir)
	case "mariadb":
		e, err = startMariaDB(ctx, o, dir)
	case "sqlite":
		e, err = openSQLite(dir)
	default:
		return nil, fmt.Errorf("no such engine")
	}
	if err != nil {
		return nil, err
	}
	ask := "SELECT version()"
	if e.dialect == sqlstore.SQLite {
		ask = "SELECT sqlite_version()"
	}
	if err := e.db.QueryRowContext(ctx, ask).Scan(&e.version); err != nil {
		e.close()
		return nil, err
	}
	e.version, _, _ = strings.Cut(e.version, " (")
	return e, nil
}

func (e *engine) close() {
	e.db.Close()
	e.readers.Close()
	if e.server != nil {
		_ = e.server.Process.Signal(syscall.SIGTERM)
		_ = e.server.Wait()
	}
}

// exec runs statements, which are separated by lines of their own.
func (e *engine) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := e.db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%w\n%s", err, s)
		}
	}
	return nil
}

// openSQLite opens a file as the library's page on SQLite says: one writer, full
// sync, readers apart.
func openSQLite(dir string) (*engine, error) {
	dsn := sqlstore.SQLiteDSN(filepath.Join(dir, "state.db"))
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	readers.SetMaxIdleConns(connections)
	return &engine{dialect: sqlstore.SQLite, dsn: dsn, db: sqlstore.SQLiteWriter(db), readers: readers}, nil
}

// startPostgres starts a server with the settings that it comes with, so that a
// commit is on the disk, but with room for what is measured.
func startPostgres(ctx context.Context, o options, dir string) (*engine, error) {
	attr, err := unprivileged(o.dir, dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(o.postgres, "initdb"), "-D", data, "-U", "bench", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	server := exec.Command(filepath.Join(o.postgres, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=",
		"-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "shared_buffers=512MB", "-c", "max_wal_size=8GB")
	return serve(ctx, sqlstore.Postgres, "pgx", fmt.Sprintf("postgres://bench@/postgres?host=%s&sslmode=disable", dir), server, attr)
}

// startMariaDB starts a server whose log is flushed by every commit.
func startMariaDB(ctx context.Context, o options, dir string) (*engine, error) {
	attr, err := unprivileged(o.dir, dir)
	if err != nil {
		return nil, err
	}
	data, socket := filepath.Join(dir, "data"), filepath.Join(dir, "s.sock")
	install := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	install.SysProcAttr, install.Dir = attr, dir
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	server := exec.Command(o.mariadbd, "--no-defaults", "--datadir="+data, "--socket="+socket, "--skip-networking",
		"--pid-file="+filepath.Join(dir, "pid"), "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=512M", "--innodb-log-file-size=1G")
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", socket, "mysql"
	cfg.InterpolateParams = true
	e, err := serve(ctx, sqlstore.MySQL, "mysql", cfg.FormatDSN(), server, attr)
	if err != nil {
		return nil, err
	}
	if err := e.exec(ctx, "CREATE DATABASE bench CHARACTER SET utf8mb4"); err != nil {
		return nil, err
	}
	e.db.Close()
	cfg.DBName = "bench"
	e.dsn = cfg.FormatDSN()
	if e.db, err = pool("mysql", e.dsn); err != nil {
		return nil, err
	}
	e.readers = e.db
	return e, nil
}

func pool(driver, dsn string) (*sql.DB, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// serve starts a server and waits until it answers.
func serve(ctx context.Context, d sqlstore.Dialect, driver, dsn string, server *exec.Cmd, attr *syscall.SysProcAttr) (*engine, error) {
	own := *attr
	own.Pdeathsig = syscall.SIGKILL
	server.SysProcAttr = &own
	if err := server.Start(); err != nil {
		return nil, err
	}
	db, err := pool(driver, dsn)
	if err != nil {
		return nil, err
	}
	e := &engine{dialect: d, dsn: dsn, db: db, readers: db, server: server}
	for range 300 {
		if err = db.PingContext(ctx); err == nil {
			return e, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	e.close()
	return nil, err
}

// unprivileged is how to run a server that refuses root: as somebody else, whose
// folder dir becomes.
func unprivileged(parent, dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(parent, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}
