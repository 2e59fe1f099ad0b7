package dsl

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dangol-dev/dangol/internal/corpus"
)

// One grammar serves all goroutines: good and bad texts at once, under the race
// detector when it is on.
func TestParseConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, r := range corpus.Forms() {
				rule, err := Parse(r.Text)
				if err != nil {
					t.Error(err)
					return
				}
				Format(rule)
			}
			for _, m := range mistakes {
				if _, err := Parse(m.text); err == nil {
					t.Errorf("%q parses", m.text)
				}
			}
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
}
