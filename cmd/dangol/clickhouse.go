package main

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// clickHouse opens what dangol load left on ClickHouse, or a host's own tables.
func (p *pools) clickHouse(ctx context.Context, to target, c *catalog.Catalog) (store.Store, error) {
	o, err := clickHouseOptions(to.address)
	if err != nil {
		return nil, err
	}
	db := clickhouse.OpenDB(o)
	db.SetMaxOpenConns(0) // reading everybody takes a connection a table, all at once
	p.list = append(p.list, db)
	if to.mapping != "" {
		return openMapped(ctx, db, sqlstore.ClickHouse, c, to.mapping)
	}
	s, err := sqlstore.OpenLoaded(ctx, db, c, sqlstore.LoadedOptions{Replace: to.replace})
	if err == nil && !to.load {
		err = s.Check(ctx)
	}
	return s, err
}

// clickHouseOptions reads clickhouse://user:password@host:9000/database?secure=true as
// the driver does, in its native protocol, with the ports that servers have by default.
func clickHouseOptions(address string) (*clickhouse.Options, error) {
	o, err := clickhouse.ParseDSN(address)
	if err != nil {
		return nil, badStore(address, "want clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, perhaps with ?secure=true")
	}
	o.Protocol = clickhouse.Native
	port := "9000"
	if o.TLS != nil {
		port = "9440"
	}
	for i, host := range o.Addr {
		if _, _, err := net.SplitHostPort(host); err != nil {
			o.Addr[i] = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 10 * time.Second
	}
	return o, nil
}
