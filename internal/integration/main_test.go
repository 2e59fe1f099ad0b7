package integration_test

import (
	"testing"

	"github.com/dangol-dev/dangol/internal/integration/servers"
)

// Tests share a server of each engine, a database each.
func TestMain(m *testing.M) { servers.Main(m) }
