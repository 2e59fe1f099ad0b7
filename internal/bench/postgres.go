package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres is a server of its own in a temporary folder, on a Unix socket.
type postgres struct {
	conn   *pgx.Conn
	dsn    string
	server *exec.Cmd
}

// indexes are what these rules want: covering, so that a warm server reads
// indexes alone.
var indexes = []string{
	"CREATE INDEX ON customers (joined) INCLUDE (id)",
	"CREATE UNIQUE INDEX ON customers (id) INCLUDE (country, consent, grade)",
	"CREATE INDEX ON orders (placed) INCLUDE (customer, status, total)",
	"CREATE INDEX ON orders (customer, placed) INCLUDE (status, total)",
	"CREATE INDEX ON items (product, placed) INCLUDE (customer, status)",
	"CREATE INDEX ON items (placed) INCLUDE (customer, status, category)",
	"CREATE INDEX ON visits (seen) INCLUDE (customer)",
	"CREATE INDEX ON logins (seen) INCLUDE (customer)",
	"CREATE INDEX ON cart_adds (seen) INCLUDE (customer)",
}

func newPostgres(dir, bin string, threads int) (*postgres, error) {
	data := filepath.Join(dir, "pg")
	asUser, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "bench", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
	initdb.SysProcAttr, initdb.Dir = asUser, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=",
		"-c", "shared_buffers=3GB", "-c", "work_mem=256MB", "-c", "hash_mem_multiplier=1", "-c", "maintenance_work_mem=1GB", "-c", "fsync=off", "-c", "wal_level=minimal",
		"-c", "max_wal_senders=0", "-c", "max_wal_size=8GB", "-c", "random_page_cost=1.1", "-c", "effective_cache_size=12GB",
		"-c", fmt.Sprintf("max_parallel_workers_per_gather=%d", threads-1), "-c", fmt.Sprintf("max_parallel_maintenance_workers=%d", threads-1))
	server.SysProcAttr, server.Dir = asUser, dir
	if err := server.Start(); err != nil {
		return nil, err
	}
	p := &postgres{server: server, dsn: fmt.Sprintf("host=%s user=bench dbname=postgres", dir)}
	ctx := context.Background()
	for range 100 {
		p.conn, err = pgx.Connect(ctx, p.dsn)
		if err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	return p, p.load(ctx, dir)
}

// unprivileged is how to run the server, which refuses root, as somebody else.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chmod(dir, 0o777)
}

func (p *postgres) load(ctx context.Context, dir string) error {
	for _, t := range exported {
		if _, err := p.conn.Exec(ctx, fmt.Sprintf("CREATE UNLOGGED TABLE %s (%s)", t.table, t.columns)); err != nil {
			return err
		}
		f, err := os.Open(filepath.Join(dir, t.table+".csv"))
		if err != nil {
			return err
		}
		_, err = p.conn.PgConn().CopyFrom(ctx, f, fmt.Sprintf("COPY %s FROM STDIN (FORMAT csv)", t.table))
		f.Close()
		if err != nil {
			return err
		}
	}
	for _, sql := range append(indexes, "VACUUM ANALYZE") {
		if _, err := p.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func (p *postgres) one(r rule) (sums, time.Duration, error) {
	began := time.Now()
	row := p.conn.QueryRow(context.Background(), pgChecked(r), pgx.QueryExecModeSimpleProtocol)
	var s sums
	err := row.Scan(&s[0], &s[1], &s[2])
	return s, time.Since(began), err
}

// pgChecked is rule.checked with sums that are no numerics.
func pgChecked(r rule) string {
	return "SELECT count(*), coalesce(sum(id), 0)::bigint, coalesce(sum((id % 1009) * (id % 997)), 0)::bigint FROM (" + r.sql + ") q"
}

func (p *postgres) all(rs []rule) ([]sums, time.Duration, error) {
	var out []sums
	var total time.Duration
	for _, r := range rs {
		s, took, err := p.one(r)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", r.name, err)
		}
		out, total = append(out, s), total+took
	}
	return out, total, nil
}

func (p *postgres) close() {
	p.conn.Close(context.Background())
	_ = p.server.Process.Signal(syscall.SIGINT)
	_ = p.server.Wait()
}
