package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
	"github.com/dangol-dev/dangol/coupon/couponsql"
	"github.com/dangol-dev/dangol/store/sqlstore"
)

// redeemGoal is what two transactions with all the service does have to reach of one
// statement that only counts and notes.
const redeemGoal = 0.5

// order numbers all orders of a run, so that no key comes twice.
var order atomic.Int64

// redeemAll measures reserve and commit beside the hand-written redemption, with one
// limit that all want and with many.
func redeemAll(ctx context.Context, o options, e *engine, add func(line)) error {
	ours, err := newRedeemer(ctx, o, e)
	if err != nil {
		return err
	}
	defer ours.close()
	peer, err := newStatement(ctx, o, e)
	if err != nil {
		return err
	}
	defer peer.close()
	for _, limits := range []int{1, o.limits} {
		work := "reserve and commit, one hot limit"
		if limits > 1 {
			work = fmt.Sprintf("reserve and commit, %d limits", limits)
		}
		for _, workers := range o.workers {
			side := func(redeem func(context.Context, int64, int) error) func() (float64, error) {
				return func() (float64, error) {
					return repeat(workers, o.took, func() error {
						n := order.Add(1)
						return redeem(ctx, n, int(n)%limits)
					})
				}
			}
			m, err := byTurns(o.rounds, side(ours.redeem), side(peer.redeem))
			if err != nil {
				return err
			}
			add(line{Work: work, Workers: workers, Ours: m[0], Peer: m[1], Name: "one statement", Goal: redeemGoal})
		}
	}
	return nil
}

// repeat has workers do something for a time, and says how often a second.
func repeat(workers int, took time.Duration, do func() error) (float64, error) {
	var done atomic.Int64
	errs := make([]error, workers)
	began := time.Now()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for time.Since(began) < took && errs[w] == nil {
				errs[w] = do()
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

// redeemer is the service.
type redeemer struct {
	store   *couponsql.Store
	service *coupon.Service
}

func newRedeemer(ctx context.Context, o options, e *engine) (*redeemer, error) {
	store, err := couponsql.Open(ctx, e.db, e.dialect, couponsql.Options{Readers: e.readers})
	if err != nil {
		return nil, err
	}
	s, err := coupon.New(store, coupon.Config{})
	if err != nil {
		return nil, err
	}
	for i := range o.limits {
		d := coupon.Definition{
			ID: fmt.Sprint("d", i), Name: "Thanks", Kind: coupon.KindCoupon, Currency: dangol.KRW,
			Discount: coupon.AmountOff(1000), Limits: []coupon.Limit{{Uses: 1 << 40}},
		}
		if _, err := s.Save(ctx, d); err != nil {
			return nil, err
		}
		if _, err := s.AddSharedCode(ctx, coupon.SharedCode{Code: fmt.Sprint("CODE", i), Definition: d.ID}); err != nil {
			return nil, err
		}
	}
	return &redeemer{store, s}, nil
}

func (r *redeemer) close() { r.store.Close() }

func (r *redeemer) redeem(ctx context.Context, n int64, limit int) error {
	key := fmt.Sprint("order-", n)
	cart := coupon.Cart{Currency: dangol.KRW, Lines: []coupon.Line{{ID: "1", Product: "tea", Quantity: 1, Price: 5000}}}
	req := coupon.Request{Customer: dangol.CustomerID(fmt.Sprint("c", n)), Cart: cart, Codes: []string{fmt.Sprint("CODE", limit)}}
	if _, err := r.service.Reserve(ctx, key, req); err != nil {
		return err
	}
	_, err := r.service.Commit(ctx, key, key)
	return err
}

// statement is the redemption that a shop writes by hand: one guarded count and one
// line, in one statement where the engine has such, else in one transaction. It knows
// no reservation, no cart and no second look at a key.
type statement struct {
	e  *engine
	st []*sql.Stmt
}

var errFull = errors.New("the limit is reached")

func newStatement(ctx context.Context, o options, e *engine) (*statement, error) {
	key := "varchar(64)"
	err := e.exec(ctx,
		"CREATE TABLE hand_coupons (id integer PRIMARY KEY, used bigint NOT NULL, total bigint NOT NULL)",
		"CREATE TABLE hand_redemptions (redemption "+key+" PRIMARY KEY, coupon integer NOT NULL, customer "+key+" NOT NULL, amount bigint NOT NULL, at bigint NOT NULL)")
	if err != nil {
		return nil, err
	}
	for i := range o.limits {
		if err := e.exec(ctx, fmt.Sprintf("INSERT INTO hand_coupons VALUES (%d, 0, %d)", i, int64(1)<<40)); err != nil {
			return nil, err
		}
	}
	var texts []string
	switch e.dialect {
	case sqlstore.Postgres:
		texts = []string{`WITH taken AS (UPDATE hand_coupons SET used = used + 1 WHERE id = $1 AND used < total RETURNING id)
			INSERT INTO hand_redemptions SELECT $2, id, $3, 1000, $4 FROM taken`}
	case sqlstore.SQLite:
		texts = []string{"UPDATE hand_coupons SET used = used + 1 WHERE id = ? AND used < total",
			"INSERT INTO hand_redemptions (coupon, redemption, customer, amount, at) VALUES (?, ?, ?, 1000, ?)"}
	}
	s := &statement{e: e}
	for _, text := range texts {
		st, err := e.db.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		s.st = append(s.st, st)
	}
	return s, nil
}

func (s *statement) close() {
	for _, st := range s.st {
		st.Close()
	}
}

func (s *statement) redeem(ctx context.Context, n int64, limit int) error {
	key, customer, at := fmt.Sprint("order-", n), fmt.Sprint("c", n), time.Now().UnixMicro()
	switch s.e.dialect {
	case sqlstore.Postgres:
		return took(s.st[0].ExecContext(ctx, limit, key, customer, at))
	case sqlstore.MySQL: // a compound statement: one round trip, as short as a stored procedure
		_, err := s.e.db.ExecContext(ctx, `BEGIN NOT ATOMIC
			START TRANSACTION;
			UPDATE hand_coupons SET used = used + 1 WHERE id = ? AND used < total;
			IF ROW_COUNT() <> 1 THEN
				SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'full';
			END IF;
			INSERT INTO hand_redemptions (coupon, redemption, customer, amount, at) VALUES (?, ?, ?, 1000, ?);
			COMMIT;
		END`, limit, limit, key, customer, at)
		return err
	}
	tx, err := s.e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := took(tx.StmtContext(ctx, s.st[0]).ExecContext(ctx, limit)); err != nil {
		return err
	}
	if err := took(tx.StmtContext(ctx, s.st[1]).ExecContext(ctx, limit, key, customer, at)); err != nil {
		return err
	}
	return tx.Commit()
}

// took is an error where nothing was counted.
func took(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, errFull)
	}
	return nil
}
