package segment_test

import (
	"testing"

	"github.com/dangol-dev/dangol/segment"
	"github.com/dangol-dev/dangol/segment/segmenttest"
)

func TestMemoryConformance(t *testing.T) {
	segmenttest.Run(t, func(*testing.T) segment.Store { return segment.NewMemory() })
}
