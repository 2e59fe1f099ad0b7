package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var words = regexp.MustCompile(`'[^']*'|[^ ]+`)

// The sessions of the page on the command line, run in a folder with its files.
// A command shown without output may say anything.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/command.md")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	sessions := 0
	for _, block := range regexp.MustCompile("(?s)```(files|console)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "files" {
			write(t, ".", block[2])
			continue
		}
		for _, one := range strings.Split("\n"+block[2], "\n$ dangol ")[1:] {
			line, want, _ := strings.Cut(one+"\n", "\n")
			var args []string
			for _, word := range words.FindAllString(line, -1) {
				args = append(args, strings.Trim(word, "'"))
			}
			var out, said bytes.Buffer
			code := run(t.Context(), args, &out, &said)
			got := out.String() + said.String()
			if code != 0 {
				got += fmt.Sprintf("exit %d\n", code)
			}
			sessions++
			if want = strings.TrimSpace(want); want != "" || code != 0 {
				require.Empty(t, cmp.Diff(want, strings.TrimSpace(got)), line)
			}
		}
	}
	require.Greater(t, sessions, 10)
}
