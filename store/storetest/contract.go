package storetest

import (
	"slices"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

// contractCase is one promise of store.Store.
type contractCase struct {
	name string
	why  string // what goes wrong in a shop where the promise is broken
	run  func(c *checker)
	// shape changes the shop's catalog for the case.
	shape func(c *catalog.Catalog)
}

// contract is all cases.
func contract() []contractCase {
	return slices.Concat(customerCases, recordCases, dimensionCases, valueCases, selectCases, wholeCases)
}

// RunContract tests the promises on store.Store, store.Loader, store.ColumnLoader and
// store.Streamer one by one. Each failing case says why it is asked.
func RunContract(t *testing.T, open Opener, opts ...Option) {
	o := settle(opts)
	for _, one := range contract() {
		o.run(t, one.name, func(t *testing.T) {
			cat := catalog.Shop()
			if one.shape != nil {
				one.shape(cat)
			}
			defer func() { // also where the case gives up
				if t.Failed() {
					t.Logf("why it is asked: %s", one.why)
				}
			}()
			one.run(newChecker(t, open, cat))
		})
	}
}

// kind finds a kind of the catalog to change it.
func kind(c *catalog.Catalog, name string) *catalog.Kind {
	for i := range c.Kinds {
		if c.Kinds[i].Name == name {
			return &c.Kinds[i]
		}
	}
	return nil
}
