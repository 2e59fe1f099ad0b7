package main

import (
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
