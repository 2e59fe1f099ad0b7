// Package storetest is the conformance suite of store.Store: what memstore and
// sqlstore pass, and what a host's own store passes too:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
//			return mystore.New(c)
//		})
//	}
//
// Run tests everything there is:
//
//   - RunContract tests the promises on the Store interface one by one.
//   - RunScripts answers the rules of scripts/, the laws of the language in a
//     form that people read, and scripts of the caller's own.
//   - RunWorlds compares answers over made-up shops with package eval.
//   - RunSteps does so again and again while a shop changes and as-of moves on.
//
// Benchmark measures Apply, Select and Customer.
//
// Every case says why it is asked. A store that cannot keep one opts out of it by
// name and with a reason, which the test log shows.
package storetest

import (
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
)

// Opener opens an empty store of the catalog. It is called once for each case and
// registers on t what closes the store.
type Opener func(t *testing.T, c *catalog.Catalog) store.Store

// Option changes what Run tests.
type Option func(*options)

type options struct {
	skip   map[string]string
	worlds int
	rules  int
	seed   uint64
}

// Skip leaves out a case or script by name. The reason is shown.
func Skip(name, reason string) Option {
	return func(o *options) { o.skip[name] = reason }
}

// Worlds is how many made-up shops are compared, each with how many rules, from
// which seed on. Defaults to 60 shops with 12 rules, from seed 1.
func Worlds(shops, rules int, seed uint64) Option {
	return func(o *options) { o.worlds, o.rules, o.seed = shops, rules, seed }
}

func settle(opts []Option) *options {
	o := &options{skip: map[string]string{}, worlds: 60, rules: 12, seed: 1}
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// run runs a case unless the store opted out of it.
func (o *options) run(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		if reason, ok := o.skip[name]; ok {
			t.Skip(reason)
		}
		f(t)
	})
}

// Run tests that the store keeps the contract of store.Store.
func Run(t *testing.T, open Opener, opts ...Option) {
	t.Run("contract", func(t *testing.T) { RunContract(t, open, opts...) })
	t.Run("scripts", func(t *testing.T) { RunScripts(t, open, nil, opts...) })
	t.Run("worlds", func(t *testing.T) { RunWorlds(t, open, opts...) })
	t.Run("steps", func(t *testing.T) { RunSteps(t, open, opts...) })
}
