package messagesql

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dangol-dev/dangol/message"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the migrations again; only before they were released")

// The migrations are the tables that package message describes. Each dialect stores
// text so that it compares by its bytes.
func TestMigrationsAreTheTables(t *testing.T) {
	dialects := map[string]struct{ key, text, number, table string }{
		"sqlite":   {"text", "text", "integer", " WITHOUT ROWID"},
		"postgres": {`text COLLATE "C"`, `text COLLATE "C"`, "bigint", ""},
		"mysql":    {"varbinary(255)", "longblob", "bigint", ""},
	}
	for name, d := range dialects {
		var b strings.Builder
		b.WriteString("-- The state of package message. Times are microseconds since 1970 UTC, 0 for none.\n")
		exists := ""
		if name == "mysql" {
			exists = "IF NOT EXISTS "
		}
		for _, table := range message.Tables() {
			indexed := map[int]bool{}
			for i := range len(table.Indexes) + 1 {
				for _, c := range table.Order(i) {
					indexed[c] = true
				}
			}
			fmt.Fprintf(&b, "\nCREATE TABLE %s{prefix}message_%s (\n", exists, table.Name)
			for i, c := range table.Columns {
				typ := d.number
				if c.Type == message.TextColumn {
					typ = d.text
					if indexed[i] {
						typ = d.key
					}
				}
				fmt.Fprintf(&b, "\t%s %s NOT NULL,\n", c.Name, typ)
			}
			names := func(cols []int) string {
				var out []string
				for _, c := range cols {
					out = append(out, table.Columns[c].Name)
				}
				return strings.Join(out, ", ")
			}
			fmt.Fprintf(&b, "\tPRIMARY KEY (%s)\n)%s;\n", names(table.Order(0)), d.table)
			for i := range table.Indexes {
				fmt.Fprintf(&b, "CREATE INDEX %s{prefix}message_%s_%d ON {prefix}message_%s (%s);\n",
					exists, table.Name, i+1, table.Name, names(table.Order(i+1)))
			}
		}
		lock := "INSERT INTO {prefix}message_counters (name, value) VALUES ('lock', 0);\n"
		if name == "mysql" {
			lock = strings.Replace(lock, "INSERT INTO", "INSERT IGNORE INTO", 1)
		}
		b.WriteString("\n-- Locked by every transaction that writes.\n" + lock)
		path := name + "/0001_tables.sql"
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, b.String(), string(got), path)
	}
	entries, err := os.ReadDir("sqlite")
	require.NoError(t, err)
	require.False(t, slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.IsDir() }))
}
