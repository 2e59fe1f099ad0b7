package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/sqlstore"
	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// target is a database that a command asks or fills.
type target struct {
	address string
	mapping string // the file that maps a host's own tables; "" for the library's
	load    bool   // it is filled
	replace bool   // and what is there makes room
}

// openStore opens the store that a URL names; done closes it.
func openStore(ctx context.Context, to target, c *catalog.Catalog) (s store.Store, done func() error, err error) {
	p := &pools{}
	s, err = p.open(ctx, to, c)
	for _, ours := range []error{sqlstore.ErrCatalogChanged, sqlstore.ErrNotLoaded, errNobody} {
		if errors.Is(err, ours) {
			err = wrong{"dangol: --store: " + err.Error()}
		}
	}
	if bad := (*sqlstore.MappingError)(nil); errors.As(err, &bad) && !errors.Is(err, sqlstore.ErrLost) {
		err = wrong{"dangol: --mapping: " + err.Error()}
	}
	return s, p.close, err
}

// pools are those of a store.
type pools struct {
	list []*sql.DB
	log  *sql.DB // of a SQLite file that was filled, which has a write-ahead log
}

func (p *pools) close() (err error) {
	for _, db := range p.list {
		if db != p.log {
			err = errors.Join(err, db.Close())
		}
	}
	if p.log == nil {
		return err
	}
	// Who asks a file without the log makes no file beside it, which a folder may not
	// allow. It stays while others have the file open.
	_, _ = p.log.Exec("PRAGMA journal_mode = DELETE")
	return errors.Join(err, p.log.Close())
}

func (p *pools) sql(driver, dsn string) (*sql.DB, error) {
	db, err := sql.Open(driver, dsn)
	if err == nil {
		p.list = append(p.list, db)
	}
	return db, err
}

func (p *pools) open(ctx context.Context, to target, c *catalog.Catalog) (store.Store, error) {
	scheme, rest, ok := strings.Cut(to.address, ":")
	if !ok {
		return nil, badStore(to.address, "")
	}
	switch scheme {
	case "memory":
		if to.mapping != "" {
			return nil, wrong{"dangol: --mapping: it is of a database"}
		}
		// A question or two do not pay for laying out columns.
		return memstore.New(c, memstore.Options{ByEval: true})
	case "sqlite":
		if rest == "" {
			return nil, badStore(to.address, "the file is missing")
		}
		if !to.load {
			if _, err := os.Stat(rest); err != nil {
				return nil, wrong{"dangol: --store: " + err.Error()}
			}
			// Who asks does not even make it a file with a write-ahead log.
			return p.own(ctx, to, sqlstore.SQLite, "sqlite", "file:"+(&url.URL{Path: rest}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)", c)
		}
		return p.own(ctx, to, sqlstore.SQLite, "sqlite", sqlstore.SQLiteDSN(rest), c)
	case "postgres", "postgresql":
		return p.own(ctx, to, sqlstore.Postgres, "pgx", to.address, c)
	case "mysql":
		dsn, err := mysqlDSN(to.address)
		if err != nil {
			return nil, err
		}
		return p.own(ctx, to, sqlstore.MySQL, "mysql", dsn, c)
	case "clickhouse":
		return p.clickHouse(ctx, to, c)
	}
	return nil, badStore(to.address, "")
}

func badStore(address, why string) error {
	if why == "" {
		why = "want memory:, sqlite:FILE, postgres://HOST/DATABASE, mysql://HOST/DATABASE or clickhouse://HOST/DATABASE"
	}
	// An address may hold a password: only its scheme is shown.
	if scheme, _, ok := strings.Cut(address, ":"); ok {
		address = scheme + ":"
	}
	return wrong{fmt.Sprintf("dangol: --store: %q: %s", address, why)}
}

// own opens the library's own tables, or a host's where there is a mapping. SQLite
// reads by a pool of its own while it is written.
func (p *pools) own(ctx context.Context, to target, d sqlstore.Dialect, driver, dsn string, c *catalog.Catalog) (store.Store, error) {
	if to.replace {
		return nil, wrong{"dangol: --replace: it is of clickhouse://; elsewhere rows of the same ids are replaced anyway"}
	}
	if to.mapping != "" {
		return p.mapped(ctx, to, d, driver, dsn, c)
	}
	db, err := p.sql(driver, dsn)
	if err != nil {
		return nil, err
	}
	opts := sqlstore.Options{ReadOnly: !to.load}
	if to.load && d == sqlstore.SQLite {
		p.log = sqlstore.SQLiteWriter(db)
		if opts.Reader, err = p.sql(driver, dsn); err != nil {
			return nil, err
		}
	}
	s, err := sqlstore.Open(ctx, db, d, c, opts)
	if err == nil && !to.load {
		err = anybody(ctx, db, d, c)
	}
	return s, err
}

// errNobody is returned for tables without a customer, as a load leaves them that failed.
var errNobody = errors.New("no customer is in this database: no load was finished, or its folder had none")

// anybody tells whether the tables that dangol load makes hold a customer.
func anybody(ctx context.Context, db *sql.DB, d sqlstore.Dialect, c *catalog.Catalog) error {
	tables, err := sqlstore.Describe(d, c, "")
	if err != nil {
		return err
	}
	one := 0
	err = db.QueryRowContext(ctx, "SELECT 1 FROM "+tables.Customers.Name+" LIMIT 1").Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return errNobody
	}
	return err
}

// mapped opens a host's own tables.
func (p *pools) mapped(ctx context.Context, to target, d sqlstore.Dialect, driver, dsn string, c *catalog.Catalog) (store.Store, error) {
	db, err := p.sql(driver, dsn)
	if err != nil {
		return nil, err
	}
	return openMapped(ctx, db, d, c, to.mapping)
}

func openMapped(ctx context.Context, db *sql.DB, d sqlstore.Dialect, c *catalog.Catalog, file string) (store.Store, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m, err := sqlstore.ReadMapping(file, text)
	if err != nil {
		return nil, err
	}
	return sqlstore.OpenMapped(ctx, db, d, c, m, sqlstore.MappedOptions{})
}

// mysqlDSN turns mysql://user:password@host:3306/database?socket=FILE into what the
// driver reads.
func mysqlDSN(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", badStore(address, "it is not a URL")
	}
	cfg := mysql.NewConfig()
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	if socket := u.Query().Get("socket"); socket != "" {
		cfg.Net, cfg.Addr = "unix", socket
	} else if u.Port() == "" {
		cfg.Addr = u.Hostname() + ":3306"
	}
	cfg.InterpolateParams, cfg.Loc = true, time.UTC
	cfg.Params = map[string]string{"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", "time_zone": "'+00:00'"}
	return cfg.FormatDSN(), nil
}
