package servers_test

import (
	"testing"

	"github.com/dangol-dev/dangol/internal/integration/servers"
	"github.com/stretchr/testify/require"
)

func TestServersAnswer(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *servers.Server{
		"PostgreSQL": servers.Postgres, "PostgreSQL 18": servers.Postgres18, "MariaDB": servers.MariaDB, "ClickHouse": servers.ClickHouse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var version string
			require.NoError(t, start(t).Open(t).QueryRow("SELECT version()").Scan(&version))
			t.Log(version)
		})
	}
}
