package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
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

// openStore opens the store that a URL names; done closes it.
func openStore(ctx context.Context, address string, c *catalog.Catalog) (s store.Store, done func() error, err error) {
	none := func() error { return nil }
	scheme, rest, ok := strings.Cut(address, ":")
	if !ok {
		return nil, none, badStore(address, "")
	}
	switch scheme {
	case "memory":
		// A question or two do not pay for laying out columns.
		s, err := memstore.New(c, memstore.Options{ByEval: true})
		return s, none, err
	case "sqlite":
		if rest == "" {
			return nil, none, badStore(address, "the file is missing")
		}
		dsn := sqlstore.SQLiteDSN(rest)
		return openSQL(ctx, sqlstore.SQLite, "sqlite", dsn, dsn, c)
	case "postgres", "postgresql":
		return openSQL(ctx, sqlstore.Postgres, "pgx", address, "", c)
	case "clickhouse":
		return nil, none, badStore(address, "it has no transactions, so dangol keeps no tables there; Go code asks a shop's own tables through a mapping, and dangol sql prints statements")
	case "mysql":
		dsn, err := mysqlDSN(address)
		if err != nil {
			return nil, none, err
		}
		return openSQL(ctx, sqlstore.MySQL, "mysql", dsn, "", c)
	}
	return nil, none, badStore(address, "")
}

func badStore(address, why string) error {
	if why == "" {
		why = "want memory:, sqlite:FILE, postgres://HOST/DATABASE or mysql://HOST/DATABASE"
	}
	// An address may hold a password: only its scheme is shown.
	scheme, _, _ := strings.Cut(address, ":")
	return wrong{fmt.Sprintf("dangol: --store: %q: %s", scheme+":", why)}
}

// openSQL opens the library's own tables. SQLite reads by a pool of its own.
func openSQL(ctx context.Context, d sqlstore.Dialect, driver, dsn, reader string, c *catalog.Catalog) (store.Store, func() error, error) {
	var pools []*sql.DB
	done := func() (err error) {
		for _, db := range pools {
			err = errors.Join(err, db.Close())
		}
		return err
	}
	open := func(dsn string) (*sql.DB, error) {
		db, err := sql.Open(driver, dsn)
		if err == nil {
			pools = append(pools, db)
		}
		return db, err
	}
	db, err := open(dsn)
	if err != nil {
		return nil, done, err
	}
	var opts sqlstore.Options
	if reader != "" {
		sqlstore.SQLiteWriter(db)
		if opts.Reader, err = open(reader); err != nil {
			return nil, done, err
		}
	}
	s, err := sqlstore.Open(ctx, db, d, c, opts)
	if errors.Is(err, sqlstore.ErrCatalogChanged) {
		err = wrong{"dangol: --store: " + err.Error()}
	}
	return s, done, err
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
