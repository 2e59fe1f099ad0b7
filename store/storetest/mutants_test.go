package storetest_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// A mutant is a store that breaks one promise.
type mutant struct {
	wrong string // what it gets wrong
	// found is the case of the contract that finds it, or the beginning of the names of
	// scripts, one of which does.
	found string
	open  func(c *catalog.Catalog) store.Store
}

func mutants() []mutant {
	return slices.Concat(readers, askers, writers, loaders, keepers, lenses)
}

func memory(c *catalog.Catalog) *memstore.Store {
	s, err := memstore.New(c, memstore.Options{})
	if err != nil {
		panic(err)
	}
	return s
}

const mutantName = "DANGOL_TEST_MUTANT"

// The process in which a mutant is put to the test.
func TestMutant(t *testing.T) {
	i := slices.IndexFunc(mutants(), func(m mutant) bool { return m.wrong == os.Getenv(mutantName) })
	if i < 0 {
		t.Skip("run by TestTheSuiteFindsMutants")
	}
	open := func(t *testing.T, c *catalog.Catalog) store.Store { return mutants()[i].open(c) }
	t.Run("contract", func(t *testing.T) { storetest.RunContract(t, open) })
	t.Run("scripts", func(t *testing.T) { storetest.RunScripts(t, open, nil) })
}

// Whatever a store gets wrong, the case that asks for it fails, and says why it asks.
func TestTheSuiteFindsMutants(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.wrong, func(t *testing.T) {
			t.Parallel()
			pattern, law := "contract$/^"+regexp.QuoteMeta(m.found)+"$", strings.HasPrefix(m.found, "law")
			if law {
				pattern = "scripts$/^" + m.found
			}
			suite := exec.Command(os.Args[0], "-test.run=^TestMutant$/^"+pattern)
			suite.Env = append(os.Environ(), mutantName+"="+m.wrong)
			out, err := suite.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the suite passed:\n%s", out)
			require.Contains(t, string(out), "--- FAIL: TestMutant/")
			require.NotContains(t, string(out), "panic:")
			if !law {
				require.Contains(t, string(out), "why it is asked: ")
			}
		})
	}
}

// No case is there that nothing would fail.
func TestEveryCaseHasItsMutant(t *testing.T) {
	left := map[string]bool{}
	for _, name := range storetest.Cases() {
		left[name] = true
	}
	for _, m := range mutants() {
		delete(left, m.found)
	}
	require.Empty(t, slices.Sorted(maps.Keys(left)))
}
