package eval_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
)

// scanned answers every plan by Eval, customer by customer.
type scanned struct{ *memstore.Store }

func (s scanned) Select(ctx context.Context, q store.Query) ([]store.Answer, error) {
	return store.Scan(ctx, q, store.ScanOptions{}, func(yield func(*eval.Customer, error) bool) {
		err := s.Each(ctx, func(c *eval.Customer) error {
			if !yield(c, nil) {
				return context.Canceled
			}
			return nil
		})
		if err != nil && err != context.Canceled {
			yield(nil, err)
		}
	})
}

// The scripts of the laws hold for Eval itself, whatever engine stores use.
func TestScripts(t *testing.T) {
	storetest.RunScripts(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		return scanned{s}
	}, nil)
}
