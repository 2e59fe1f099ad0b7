package servers_test

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { servers.Main(m) }

var engines = map[string]func(testing.TB) *servers.Server{
	"PostgreSQL": servers.Postgres, "PostgreSQL 18": servers.Postgres18, "MariaDB": servers.MariaDB, "ClickHouse": servers.ClickHouse,
}

// Two tests meet on one server, and neither sees the other's tables.
func TestEachHasADatabase(t *testing.T) {
	for name, start := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := start(t).Open(t), start(t).Open(t)
			for i, db := range []*sql.DB{a, b} {
				table := "CREATE TABLE t (id BIGINT)"
				if name == "ClickHouse" {
					table = "CREATE TABLE t (id Int64) ENGINE = Memory"
				}
				_, err := db.Exec(table)
				require.NoError(t, err)
				_, err = db.Exec(fmt.Sprintf("INSERT INTO t SELECT %d", i))
				require.NoError(t, err)
			}
			for i, db := range []*sql.DB{a, b} {
				var id int
				require.NoError(t, db.QueryRow("SELECT id FROM t").Scan(&id))
				require.Equal(t, i, id)
			}
		})
	}
}

const child = "DANGOL_TEST_CHILD"

// A process that is killed leaves no server behind, not even the one that all its
// tests share; the folders go when the next process starts a server.
func TestServersDieWithTheirProcess(t *testing.T) {
	if os.Getenv(child) != "" {
		for name, start := range engines {
			s := start(t)
			s.Open(t)
			fmt.Println(child, name)
		}
		fmt.Println(child, "ready")
		select {}
	}
	if os.Getenv(servers.ModulesEnv) == "" { // TMPDIR moves where they are by default
		t.Setenv(servers.ModulesEnv, filepath.Join(os.TempDir(), "dangol-modules", "node_modules"))
	}
	dir, err := os.MkdirTemp("", "dg") // a socket's path has little room
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777)) // servers run as another user
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1", "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said, lines := "", bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != child+" ready" {
		said += lines.Text() + "\n"
	}
	require.Equal(t, child+" ready", lines.Text(), said)
	require.NotEmpty(t, using(t, dir))
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	for len(using(t, dir)) > 0 {
		time.Sleep(20 * time.Millisecond)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NotEmpty(t, left)

	next := exec.Command(os.Args[0], "-test.run", "^TestEachHasADatabase$/^ClickHouse$")
	next.Env = append(os.Environ(), "TMPDIR="+dir)
	told, err := next.CombinedOutput()
	require.NoError(t, err, string(told))
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// using are the processes whose command line names the folder.
func using(t *testing.T, dir string) []string {
	t.Helper()
	all, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []string
	for _, p := range all {
		line, err := os.ReadFile("/proc/" + p.Name() + "/cmdline")
		if err == nil && strings.Contains(string(line), dir) {
			found = append(found, string(line))
		}
	}
	return found
}
