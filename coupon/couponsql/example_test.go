package couponsql_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

func ExampleWithTx() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "shop.db")))
	if err != nil {
		panic(err)
	}
	defer db.Close()
	store, err := couponsql.Open(ctx, sqlstore.SQLiteWriter(db), sqlstore.SQLite, couponsql.Options{})
	if err != nil {
		panic(err)
	}
	service, err := coupon.New(store, coupon.Config{})
	if err != nil {
		panic(err)
	}
	if _, err := service.Save(ctx, coupon.Definition{ID: "d", Name: "d", Discount: coupon.AmountOff(1000)}); err != nil {
		panic(err)
	}
	if _, err := service.AddSharedCode(ctx, coupon.SharedCode{Code: "PROMO", Definition: "d"}); err != nil {
		panic(err)
	}
	if _, err := db.Exec("CREATE TABLE orders (id text, paid integer)"); err != nil {
		panic(err)
	}
	request := coupon.Request{Codes: []string{"promo"}, Cart: coupon.Cart{Currency: dangol.KRW,
		Lines: []coupon.Line{{ID: "1", Product: "shirt", Quantity: 1, Price: 5000}}}}

	// The order and its coupons are stored together or not at all.
	err = sqlstore.InTx(ctx, db, sqlstore.SQLite, func(tx *sql.Tx) error {
		coupons, err := service.WithTx(couponsql.WithTx(tx))
		if err != nil {
			return err
		}
		r, err := coupons.Reserve(ctx, "order-17/1", request)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?, ?)", "order-17", r.Paid()); err != nil {
			return err
		}
		_, err = coupons.Commit(ctx, "order-17/1", "order-17")
		return err
	})
	fmt.Println(err)
	var paid int
	fmt.Println(db.QueryRow("SELECT paid FROM orders").Scan(&paid), paid)
	// Output:
	// <nil>
	// <nil> 4000
}
