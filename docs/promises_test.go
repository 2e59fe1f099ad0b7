package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every test that promises.md names is there; a name that ends in … is the
// beginning of some.
func TestPromisesNameTests(t *testing.T) {
	page, err := os.ReadFile("promises.md")
	require.NoError(t, err)
	var sources strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources.Write(text)
		return err
	}))
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)(…?)`").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(names), 30)
	for _, name := range names {
		want := "func " + name[1]
		if name[2] == "" {
			want += "("
		}
		require.Contains(t, sources.String(), want)
	}
}
