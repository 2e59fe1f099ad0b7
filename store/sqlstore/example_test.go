package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// Customers in a SQLite file: one pool writes, another reads.
func ExampleOpen() {
	ctx := context.Background()
	dsn := "file:example?mode=memory&cache=shared" // of a file: sqlstore.SQLiteDSN("shop.db")
	writer, err := sql.Open("sqlite", dsn)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer writer.Close()
	s, err := sqlstore.Open(ctx, sqlstore.SQLiteWriter(writer), sqlstore.SQLite, catalog.Shop(), sqlstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Apply(ctx,
		store.Change{Customer: "kim", Fields: map[string]catalog.Value{"points": catalog.NumberValue(12)}},
		store.Change{Customer: "kim", Kind: "items", Key: "1", Parent: "o-1"})
	fmt.Println(err)
	_, err = s.Customer(ctx, "kim")
	fmt.Println(err)
	// Output:
	// change 1: items "1": no order "o-1"
	// store: no such customer
}
