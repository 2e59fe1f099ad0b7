// Ownschema answers rules from tables that a shop already has: a mapping tells where
// the data lies, and the database runs the rules. Nothing is copied.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/compile"
	"github.com/dangol-dev/dangol/eval/plan"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
	_ "modernc.org/sqlite"
)

// The shop's own tables, as it has always had them.
const tables = `
	CREATE TABLE members (no INTEGER PRIMARY KEY, mail TEXT, level INTEGER, signed_up TEXT, deleted INTEGER NOT NULL DEFAULT 0);
	CREATE TABLE sales (id INTEGER PRIMARY KEY, member INTEGER, sold_at INTEGER, state TEXT, won INTEGER);
	CREATE TABLE member_tags (member INTEGER, tag TEXT);
	INSERT INTO members VALUES
		(1, 'kim@example.com', 2, '2026-11-18 10:00:00', 0),
		(2, 'lee@example.com', 1, '2026-11-19 10:00:00', 0),
		(3, 'gone@example.com', 1, '2026-11-19 10:00:00', 1),
		(4, 'park@example.com', 2, '2024-01-05 10:00:00', 0);
	INSERT INTO sales VALUES
		(10, 2, 1795100000, 'done', 32000),
		(11, 4, 1795100000, 'done', 150000),
		(12, 1, 1795100000, 'void', 9000);
	INSERT INTO member_tags VALUES (4, 'press');`

const mapping = `
zone: Asia/Seoul
customers:
  table: members
  key: no
  where: "{t}.deleted = 0"
  columns:
    joined: {column: signed_up, time: datetime}
    email: {column: mail}
    grade: {column: level, values: {1: silver, 2: gold}}
    tags: {items: {table: member_tags, owner: member, item: tag}}
records:
  all_orders:
    table: sales
    key: id
    customer: member
    columns:
      placed: {column: sold_at, time: epoch}
      status: {column: state, values: {done: confirmed, void: cancelled}}
      total: {column: won, amount: minor}
      refunded: {sql: "0", amount: minor} # this shop gives no money back
`

func main() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // a database in memory belongs to one connection
	if _, err := db.ExecContext(ctx, tables); err != nil {
		log.Fatal(err)
	}
	shop := catalog.Shop()
	where, err := sqlstore.ReadMapping("shop.yaml", []byte(mapping))
	if err != nil {
		log.Fatal(err)
	}
	customers, err := sqlstore.OpenMapped(ctx, db, sqlstore.SQLite, shop, where, sqlstore.MappedOptions{})
	if err != nil {
		log.Fatal(err)
	}

	rules, err := compile.New(shop)
	if err != nil {
		log.Fatal(err)
	}
	texts := []string{
		`joined within 7d and not orders(7d) >= 1`,
		`spent >= 100_000 and grade = "gold"`,
		`tags contains "press"`,
		`points > 100`,
	}
	var plans []*plan.Plan
	for _, text := range texts {
		p, diagnostics := rules.Text(text, compile.Options{})
		if diagnostics.HasErrors() {
			log.Fatal(diagnostics)
		}
		plans = append(plans, p)
	}
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		log.Fatal(err)
	}
	answers, err := customers.Select(ctx, store.Query{Plans: plans, AsOf: time.Date(2026, 11, 21, 0, 0, 0, 0, seoul), Zone: seoul})
	if err != nil {
		log.Fatal(err)
	}
	for i, a := range answers {
		if a.Err != nil {
			fmt.Printf("%-42s %v\n", texts[i], a.Err)
			continue
		}
		fmt.Printf("%-42s %v\n", texts[i], slices.Collect(a.Members.All()))
	}

	// A wrong mapping is refused when it is opened, by name.
	where.Records["all_orders"].Columns["total"] = sqlstore.ColumnMap{Column: "wonn", Amount: "minor"}
	_, err = sqlstore.OpenMapped(ctx, db, sqlstore.SQLite, shop, where, sqlstore.MappedOptions{})
	fmt.Println(err)
}
