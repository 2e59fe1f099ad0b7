package coupontest

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/dangol-dev/dangol"
	"github.com/dangol-dev/dangol/coupon"
)

// Breaks runs a case on a store that is broken on purpose and tells whether the
// case noticed. A case that lets a removed guard pass proves nothing.
func Breaks(t testing.TB, c Case, open Open) bool {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if recover() != nil {
				r.Fail()
			}
		}()
		c.Run(r, open)
	}()
	<-done
	return r.Failed()
}

// recorder keeps failures to itself.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	failed bool
}

func (r *recorder) Fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) FailNow() {
	r.Fail()
	runtime.Goexit()
}

func (r *recorder) Error(...any)          { r.Fail() }
func (r *recorder) Errorf(string, ...any) { r.Fail() }
func (r *recorder) Fatal(...any)          { r.FailNow() }
func (r *recorder) Fatalf(string, ...any) { r.FailNow() }
func (r *recorder) Log(...any)            {}
func (r *recorder) Logf(string, ...any)   {}
func (r *recorder) Helper()               {}

// Steps is a store that calls step after everything that it writes, and before and
// after each commit. A step that returns an error ends the transaction
// with it; a step may also kill the process.
func Steps(s coupon.Store, step func() error) coupon.Store { return stepping{s, step} }

type stepping struct {
	coupon.Store
	step func() error
}

func (s stepping) Update(ctx context.Context, f func(coupon.Tx) error) error {
	err := s.Store.Update(ctx, func(tx coupon.Tx) error {
		if err := f(steppingTx{tx, s.step}); err != nil {
			return err
		}
		return s.step()
	})
	if err != nil {
		return err
	}
	return s.step()
}

type steppingTx struct {
	coupon.Tx
	step func() error
}

func (t steppingTx) write(f func() error) error {
	if err := f(); err != nil {
		return err
	}
	return t.step()
}

func (t steppingTx) ask(f func() (bool, error)) (ok bool, err error) {
	err = t.write(func() (err error) {
		ok, err = f()
		return err
	})
	return ok, err
}

func (t steppingTx) SaveDefinition(ctx context.Context, d coupon.Definition) error {
	return t.write(func() error { return t.Tx.SaveDefinition(ctx, d) })
}

func (t steppingTx) SetStops(ctx context.Context, id string, s coupon.Stops) error {
	return t.write(func() error { return t.Tx.SetStops(ctx, id, s) })
}

func (t steppingTx) InsertGrants(ctx context.Context, gs []coupon.Grant) error {
	return t.write(func() error { return t.Tx.InsertGrants(ctx, gs) })
}

func (t steppingTx) ReplaceGrant(ctx context.Context, g coupon.Grant) error {
	return t.write(func() error { return t.Tx.ReplaceGrant(ctx, g) })
}

func (t steppingTx) SetUsed(ctx context.Context, id string, used time.Time, order string, discount int64) error {
	return t.write(func() error { return t.Tx.SetUsed(ctx, id, used, order, discount) })
}

func (t steppingTx) SaveBatch(ctx context.Context, b coupon.Batch) error {
	return t.write(func() error { return t.Tx.SaveBatch(ctx, b) })
}

func (t steppingTx) InsertRedemption(ctx context.Context, r coupon.Redemption) (bool, error) {
	return t.ask(func() (bool, error) { return t.Tx.InsertRedemption(ctx, r) })
}

func (t steppingTx) ReplaceRedemption(ctx context.Context, r coupon.Redemption) error {
	return t.write(func() error { return t.Tx.ReplaceRedemption(ctx, r) })
}

func (t steppingTx) AppendLedger(ctx context.Context, es []coupon.Entry) error {
	return t.write(func() error { return t.Tx.AppendLedger(ctx, es) })
}

func (t steppingTx) Take(ctx context.Context, s coupon.Scope, n, max coupon.Count) (bool, error) {
	return t.ask(func() (bool, error) { return t.Tx.Take(ctx, s, n, max) })
}

func (t steppingTx) Give(ctx context.Context, s coupon.Scope, n coupon.Count) (bool, error) {
	return t.ask(func() (bool, error) { return t.Tx.Give(ctx, s, n) })
}

func (t steppingTx) DeleteCodes(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = t.write(func() error {
		n, err = t.Tx.DeleteCodes(ctx, before, limit)
		return err
	})
	return n, err
}

func (t steppingTx) Rename(ctx context.Context, customer, to dangol.CustomerID) error {
	return t.write(func() error { return t.Tx.Rename(ctx, customer, to) })
}

func (t steppingTx) ResetCounters(ctx context.Context, definition string, kind coupon.ScopeKind) error {
	return t.write(func() error { return t.Tx.ResetCounters(ctx, definition, kind) })
}
