package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrNewerSchema is returned when the database was migrated by a newer version
// of the library than the one that opens it.
var ErrNewerSchema = errors.New("sqlstore: the database is newer than this program")

// ErrMigrationChanged is returned when a migration that the database has applied
// is not the one that the library holds under that number.
var ErrMigrationChanged = errors.New("sqlstore: an applied migration differs from the library's")

// ErrNoMigrations is returned when a service has no tables for the dialect.
var ErrNoMigrations = errors.New("sqlstore: no migrations for this dialect")

// Migrations are the tables of one service: a folder for each dialect it knows
// ("sqlite", "postgres", "mysql") with files 0001_name.sql, 0002_name.sql and so
// on, without gaps. Text {prefix} stands for the prefix of the tables' names. A
// statement ends with a semicolon at the end of a line. Migrations only go
// forward. MariaDB commits each of its schema statements at once, so its files
// use IF NOT EXISTS and survive being run again from the start.
type Migrations struct {
	Service string // names the service in the table of applied migrations
	Files   fs.FS
	// Prefix starts the name of every table. Defaults to "dangol_". Letters,
	// digits and underscores.
	Prefix string
}

// Migration is one file, ready to be run by a host's own tool.
type Migration struct {
	Version    int
	Name       string
	Checksum   string // of the file, whatever the prefix
	Statements []string
}

const defaultPrefix = "dangol_"

var (
	fileName   = regexp.MustCompile(`^(\d{4})_(\w+)\.sql$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,30}$`)
)

func (m Migrations) withDefaults() (Migrations, error) {
	if m.Prefix == "" {
		m.Prefix = defaultPrefix
	}
	if !prefixForm.MatchString(m.Prefix) {
		return m, fmt.Errorf("sqlstore: table prefix %q: want letters, digits and underscores", m.Prefix)
	}
	return m, nil
}

// List reads the dialect's migrations in order, with the prefix filled in.
func (m Migrations) List(d Dialect) ([]Migration, error) {
	m, err := m.withDefaults()
	if err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(m.Files, d.String())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, fmt.Errorf("%w: %s has none for %s", ErrNoMigrations, m.Service, d)
	}
	if err != nil {
		return nil, err
	}
	var list []Migration
	for i, e := range entries { // fs.ReadDir sorts by name
		parts := fileName.FindStringSubmatch(e.Name())
		if parts == nil {
			return nil, fmt.Errorf("sqlstore: migration %s: want a name such as 0001_tables.sql", e.Name())
		}
		version, _ := strconv.Atoi(parts[1])
		if version != i+1 {
			return nil, fmt.Errorf("sqlstore: migration %s: want version %04d here", e.Name(), i+1)
		}
		raw, err := fs.ReadFile(m.Files, path.Join(d.String(), e.Name()))
		if err != nil {
			return nil, err
		}
		text := strings.ReplaceAll(string(raw), "\r\n", "\n")
		sum := sha256.Sum256([]byte(text))
		list = append(list, Migration{
			Version:    version,
			Name:       parts[2],
			Checksum:   hex.EncodeToString(sum[:]),
			Statements: split(strings.ReplaceAll(text, "{prefix}", m.Prefix)),
		})
	}
	return list, nil
}

// split cuts a file into statements, without comment lines.
func split(text string) []string {
	var out []string
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || strings.HasPrefix(strings.TrimLeft(line, " \t"), "--") {
			continue
		}
		if stmt, end := strings.CutSuffix(line, ";"); end {
			b.WriteString(stmt)
			out = append(out, b.String())
			b.Reset()
			continue
		}
		b.WriteString(line + "\n")
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		out = append(out, rest)
	}
	return out
}

// Migrate brings the service's tables to the newest version: it checks that the
// applied migrations are the library's, then applies the missing ones. Any number
// of processes may call it at once; one works, the others wait and find nothing
// to do. SQLite and PostgreSQL do all of it in one transaction.
func Migrate(ctx context.Context, db *sql.DB, d Dialect, m Migrations) error {
	m, err := m.withDefaults()
	if err != nil {
		return err
	}
	list, err := m.List(d)
	if err != nil {
		return err
	}
	if d == MySQL {
		return locked(ctx, db, m.Prefix+"migrations", func(conn *sql.Conn) error { return m.apply(ctx, conn, d, list) })
	}
	return InTx(ctx, db, d, func(tx *sql.Tx) error {
		if d == Postgres {
			if err := lockTx(ctx, tx, m.Prefix+"migrations"); err != nil {
				return err
			}
		}
		return m.apply(ctx, tx, d, list)
	})
}

func (m Migrations) apply(ctx context.Context, q Querier, d Dialect, list []Migration) error {
	_, err := q.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+m.ledger()+` (
	service varchar(64) NOT NULL,
	version integer NOT NULL,
	name varchar(128) NOT NULL,
	checksum varchar(64) NOT NULL,
	PRIMARY KEY (service, version))`)
	if err != nil {
		return fmt.Errorf("sqlstore: create the table of migrations: %w", err)
	}
	applied, err := m.applied(ctx, q, d, list)
	if err != nil {
		return err
	}
	for _, one := range list[applied:] {
		for _, stmt := range one.Statements {
			if _, err := q.ExecContext(ctx, stmt); err != nil {
				return fmt.Errorf("sqlstore: migration %s %04d_%s: %w", m.Service, one.Version, one.Name, err)
			}
		}
		_, err := q.ExecContext(ctx, d.Rebind("INSERT INTO "+m.ledger()+
			" (service, version, name, checksum) VALUES (?, ?, ?, ?)"), m.Service, one.Version, one.Name, one.Checksum)
		if err != nil {
			return fmt.Errorf("sqlstore: record migration %s %04d: %w", m.Service, one.Version, err)
		}
	}
	return nil
}

// Pending verifies the applied migrations, changes nothing, and returns those
// that are missing, for hosts that run their own tool. Such a tool also inserts
// (service, version, name, checksum) into the table <prefix>migrations.
func Pending(ctx context.Context, q Querier, d Dialect, m Migrations) ([]Migration, error) {
	m, err := m.withDefaults()
	if err != nil {
		return nil, err
	}
	list, err := m.List(d)
	if err != nil {
		return nil, err
	}
	applied, err := m.applied(ctx, q, d, list)
	if err != nil {
		return nil, err
	}
	return slices.Clip(list[applied:]), nil
}

// applied counts the service's migrations in the database, each of which must be
// the library's own.
func (m Migrations) applied(ctx context.Context, q Querier, d Dialect, list []Migration) (int, error) {
	rows, err := q.QueryContext(ctx, d.Rebind("SELECT version, checksum FROM "+m.ledger()+
		" WHERE service = ? ORDER BY version"), m.Service)
	if err != nil {
		return 0, fmt.Errorf("sqlstore: read the table of migrations: %w", err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var version int
		var checksum string
		if err := rows.Scan(&version, &checksum); err != nil {
			return 0, err
		}
		if version > len(list) {
			return 0, fmt.Errorf("%w: %s has version %d, the program knows %d", ErrNewerSchema, m.Service, version, len(list))
		}
		if version != n+1 || checksum != list[n].Checksum {
			return 0, fmt.Errorf("%w: %s version %04d", ErrMigrationChanged, m.Service, version)
		}
		n++
	}
	return n, rows.Err()
}

func (m Migrations) ledger() string { return m.Prefix + "migrations" }
