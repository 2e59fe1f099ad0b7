package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func Example() {
	main()
	// Output: kim
}

// The README shows this program, and what CI builds from another module is it too.
func TestTheReadmeShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	shown, err := os.ReadFile("../../.ci/foreign.go.txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(program), "\tctx := context.Background()\n")
	var flat []string
	for line := range strings.Lines(strings.TrimSuffix(body, "}\n")) {
		flat = append(flat, strings.TrimPrefix(line, "\t"))
	}
	require.Contains(t, string(readme), "```go\n"+strings.Join(flat, "")+"```", "the README's first program is the body of main")
	require.Equal(t, string(program), string(shown))
}
