package main

import (
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mariadb is a server of its own in a temporary folder, on a Unix socket, with the
// indexes that PostgreSQL has, as far as it knows them. Its buffer pool holds all of a
// million customers' tables and indexes, 4.4 GB.
type mariadb struct {
	db     *sql.DB
	server *exec.Cmd
}

func newMariaDB(dir string) (*mariadb, error) {
	asUser, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	data, socket := filepath.Join(dir, "mariadb"), filepath.Join(dir, "m.sock")
	install := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	install.SysProcAttr, install.Dir = asUser, dir
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	server := exec.Command("mariadbd", "--no-defaults", "--datadir="+data, "--socket="+socket, "--skip-networking",
		"--pid-file="+filepath.Join(dir, "m.pid"), "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=6G", "--innodb-log-file-size=1G",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--sort-buffer-size=64M", "--join-buffer-size=64M",
		"--tmp-table-size=512M", "--max-heap-table-size=512M")
	server.SysProcAttr, server.Dir = asUser, dir
	if err := server.Start(); err != nil {
		return nil, err
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", socket, "mysql"
	cfg.InterpolateParams, cfg.ParseTime, cfg.AllowAllFiles = true, true, true
	m := &mariadb{server: server}
	if m.db, err = sql.Open("mysql", cfg.FormatDSN()); err != nil {
		return nil, err
	}
	for range 100 {
		if err = m.db.Ping(); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	return m, m.load(dir)
}

func (m *mariadb) load(dir string) error {
	statements := []string{}
	for _, t := range exported {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s)", t.table, t.columns),
			fmt.Sprintf("LOAD DATA LOCAL INFILE '%s' INTO TABLE %s FIELDS TERMINATED BY ','", filepath.Join(dir, t.table+".csv"), t.table))
	}
	for i, index := range indexes {
		// There is no INCLUDE: what is covered stands behind the key.
		index = strings.NewReplacer(") INCLUDE (", ", ", "UNIQUE INDEX ON", fmt.Sprintf("INDEX i%d ON", i), "INDEX ON", fmt.Sprintf("INDEX i%d ON", i)).Replace(index)
		statements = append(statements, index)
	}
	statements = append(statements, "ALTER TABLE customers ADD PRIMARY KEY (id)")
	for _, t := range exported {
		statements = append(statements, "ANALYZE TABLE "+t.table)
	}
	for _, s := range statements {
		if _, err := m.db.Exec(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func (m *mariadb) close() {
	m.db.Close()
	_ = m.server.Process.Signal(syscall.SIGTERM)
	_ = m.server.Wait()
}
