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

	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// proxy stands between a driver and its server and cuts the connection at a COMMIT:
// before the server has it, or after, when only the answer is lost.
type proxy struct {
	to      string // the server's socket
	left    atomic.Int64
	arrives atomic.Bool // whether the server gets the COMMIT that is cut
	stays   atomic.Bool // nobody gets through any more after the cut
	down    atomic.Bool
	cuts    atomic.Int64
	// requests counts down to the request, of whatever sort, before which the
	// connection is cut.
	requests atomic.Int64

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

// proxied starts a proxy before a server, and gives a pool through it.
func proxied(t *testing.T, h home, s *servers.Server) (*proxy, *sql.DB) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dg") // a socket's path has little room
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &proxy{conns: map[net.Conn]bool{}}
	socket := ".s.PGSQL.5432"
	var db *sql.DB
	if h.dialect == sqlstore.MySQL {
		cfg, err := mysql.ParseDSN(s.DSN)
		require.NoError(t, err)
		socket = "m.sock"
		p.to, cfg.Addr = cfg.Addr, filepath.Join(dir, socket)
		cfg.Logger = &mysql.NopLogger{} // it would tell of every cut
		connector, err := mysql.NewConnector(cfg)
		require.NoError(t, err)
		db = sql.OpenDB(connector)
	} else {
		var home string
		require.NoError(t, h.db.QueryRow("SHOW unix_socket_directories").Scan(&home))
		db, err = sql.Open(s.Driver, strings.Replace(s.DSN, "host="+home, "host="+dir, 1))
		require.NoError(t, err)
		p.to = filepath.Join(home, socket)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	require.NoError(t, err)
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
		db.Close()
		l.Close()
		p.hangUp()
		wg.Wait()
	})
	return p, db
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
	server, err := net.Dial("unix", p.to)
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
