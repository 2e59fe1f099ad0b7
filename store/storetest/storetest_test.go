package storetest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/store"
	"github.com/dangol-dev/dangol/store/memstore"
	"github.com/dangol-dev/dangol/store/storetest"
	"github.com/stretchr/testify/require"
)

// The script of the README is one.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	block := regexp.MustCompile(`(?m)^    # Who joined[\s\S]*?\n\n`).FindString(string(text))
	require.NotEmpty(t, block)
	script := strings.ReplaceAll("\n"+block, "\n    ", "\n")
	storetest.RunScripts(t, func(t *testing.T, c *catalog.Catalog) store.Store {
		s, err := memstore.New(c, memstore.Options{})
		require.NoError(t, err)
		return s
	}, fstest.MapFS{"readme.txt": {Data: []byte(script)}})
}
