package integration_test

import (
	"bytes"
	"database/sql"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// proxy stands between a driver and its server and cuts the connection at a COMMIT:
// before the server has it, or after, when only the answer is lost.
type proxy struct {
	network string // of the server's address
	at, to  string
	left    atomic.Int64
	arrives atomic.Bool // whether the server gets the COMMIT that is cut
	stays   atomic.Bool // nobody gets through any more after the cut
	down    atomic.Bool
	cuts    atomic.Int64
	// requests counts down to the request, of whatever sort, before which the
	// connection is cut.
	requests atomic.Int64
	// bytes counts down to the byte of the answers at which the connection is cut.
	bytes atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// cut lets the nth COMMIT from now on be cut.
func (p *proxy) cut(n int64, arrives bool) {
	p.cuts.Store(0)
	p.down.Store(false)
	p.arrives.Store(arrives)
	p.left.Store(n)
}

// cutRequest lets the nth request from now on be cut before the server has it.
func (p *proxy) cutRequest(n int64) {
	p.cuts.Store(0)
	p.arrives.Store(false)
	p.requests.Store(n)
}

// cutAnswer lets the answers from now on be cut at their nth byte.
func (p *proxy) cutAnswer(n int64) {
	p.cuts.Store(0)
	p.bytes.Store(n)
}

// proxied starts a proxy before a server, and gives a pool through it.
func proxied(t *testing.T, h home, s *servers.Server) (*proxy, *sql.DB) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dg") // a socket's path has little room
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if h.dialect == sqlstore.MySQL {
		cfg, err := mysql.ParseDSN(s.DSN)
		require.NoError(t, err)
		p := listening(t, "unix", filepath.Join(dir, "m.sock"), cfg.Addr)
		cfg.Addr = p.at
		cfg.Logger = &mysql.NopLogger{} // it would tell of every cut
		connector, err := mysql.NewConnector(cfg)
		require.NoError(t, err)
		return p, closing(t, sql.OpenDB(connector))
	}
	if h.dialect == sqlstore.ClickHouse {
		opts, err := clickhouse.ParseDSN(s.DSN)
		require.NoError(t, err)
		p := listening(t, "tcp", "127.0.0.1:0", opts.Addr[0])
		opts.Addr[0] = p.at
		return p, closing(t, clickhouse.OpenDB(opts))
	}
	const socket = ".s.PGSQL.5432"
	var home string
	require.NoError(t, h.db.QueryRow("SHOW unix_socket_directories").Scan(&home))
	p := listening(t, "unix", filepath.Join(dir, socket), filepath.Join(home, socket))
	db, err := sql.Open(s.Driver, strings.Replace(s.DSN, "host="+home, "host="+dir, 1))
	require.NoError(t, err)
	return p, closing(t, db)
}

// listening starts a proxy.
func listening(t *testing.T, network, at, to string) *proxy {
	t.Helper()
	l, err := net.Listen(network, at)
	require.NoError(t, err)
	p := &proxy{network: network, to: to, at: l.Addr().String(), conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.hangUp()
		wg.Wait()
	})
	return p
}

// closing closes a pool before its proxy ends.
func closing(t *testing.T, db *sql.DB) *sql.DB {
	t.Cleanup(func() { db.Close() })
	return db
}

// hangUp ends all connections.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close()
}

func (p *proxy) serve(client net.Conn) {
	p.keep(client)
	defer p.drop(client)
	if p.down.Load() {
		return
	}
	server, err := net.Dial(p.network, p.to)
	if err != nil {
		return
	}
	p.keep(server)
	defer p.drop(server)
	var silent atomic.Bool // the client hears nothing any more
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if silent.Load() || err != nil {
				client.Close()
				return // the server has answered the COMMIT: it is done
			}
			if p.bytes.Load() > 0 && p.bytes.Add(-int64(n)) <= 0 {
				p.cuts.Add(1)
				server.Close()
				client.Close()
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			server.Close()
			<-answered
			return
		}
		if isCommit(buf[:n]) && p.left.Add(-1) == 0 || p.requests.Add(-1) == 0 {
			p.cuts.Add(1)
			p.down.Store(p.stays.Load())
			if p.arrives.Load() {
				silent.Store(true)
				_, _ = server.Write(buf[:n])
				<-answered
			}
			server.Close()
			client.Close()
			<-answered
			if p.stays.Load() {
				p.hangUp()
			}
			return
		}
		if _, err := server.Write(buf[:n]); err != nil && err != io.EOF {
			client.Close()
			<-answered
			return
		}
	}
}

// isCommit knows the statement in the protocols of PostgreSQL and MariaDB.
func isCommit(b []byte) bool {
	return bytes.Equal(b, []byte("Q\x00\x00\x00\x0bcommit\x00")) || len(b) > 4 && bytes.Equal(b[4:], []byte("\x03COMMIT"))
}
