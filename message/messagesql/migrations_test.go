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

var update = flag.Bool("update", false, "write the newest migration again; only before it was released")

// migrations are the migrations in their order, each a name and what the tables got with it.
var migrations = []struct{ name, head string }{
	{"0001_tables.sql", "-- The state of package message. Times are microseconds since 1970 UTC, 0 for none.\n"},
	{"0002_retention.sql", "-- What Prune needs: totals of what it deleted, and events by time.\n"},
}

// since is the migration that a table, or one of its indexes, came with.
func since(table string, index int) int {
	if table == "totals" || table == "events" && index == 2 {
		return 2
	}
	return 1
}

type dialect struct{ key, text, number, table, exists string }

// The migrations, one after the other, are the tables that package message describes.
// Each dialect stores text so that it compares by its bytes.
func TestMigrationsAreTheTables(t *testing.T) {
	for name, d := range map[string]dialect{
		"sqlite":   {"text", "text", "integer", " WITHOUT ROWID", ""},
		"postgres": {`text COLLATE "C"`, `text COLLATE "C"`, "bigint", "", ""},
		"mysql":    {"varbinary(255)", "longblob", "bigint", "", "IF NOT EXISTS "},
	} {
		for i, f := range migrations {
			text := d.migration(i + 1)
			path := name + "/" + f.name
			if *update && i == len(migrations)-1 {
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, text, string(got), path)
		}
		entries, err := os.ReadDir(name)
		require.NoError(t, err)
		require.Len(t, entries, len(migrations))
		require.False(t, slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.IsDir() }))
	}
}

func (d dialect) migration(version int) string {
	var b strings.Builder
	b.WriteString(migrations[version-1].head)
	for _, table := range message.Tables() {
		if since(table.Name, 0) == version {
			d.create(&b, table)
		}
		for i := range table.Indexes {
			if since(table.Name, i+1) == version {
				fmt.Fprintf(&b, "CREATE INDEX %s{prefix}message_%s_%d ON {prefix}message_%s (%s);\n",
					d.exists, table.Name, i+1, table.Name, columnNames(table, table.Order(i+1)))
			}
		}
	}
	if version == 1 {
		insert := "INSERT INTO"
		if d.exists != "" {
			insert = "INSERT IGNORE INTO"
		}
		b.WriteString("\n-- Locked by every transaction that writes.\n" + insert + " {prefix}message_counters (name, value) VALUES ('lock', 0);\n")
	}
	return b.String()
}

func (d dialect) create(b *strings.Builder, table *message.Table) {
	indexed := map[int]bool{}
	for i := range len(table.Indexes) + 1 {
		for _, c := range table.Order(i) {
			indexed[c] = true
		}
	}
	fmt.Fprintf(b, "\nCREATE TABLE %s{prefix}message_%s (\n", d.exists, table.Name)
	for i, c := range table.Columns {
		typ := d.number
		if c.Type == message.TextColumn {
			typ = d.text
			if indexed[i] {
				typ = d.key
			}
		}
		fmt.Fprintf(b, "\t%s %s NOT NULL,\n", c.Name, typ)
	}
	fmt.Fprintf(b, "\tPRIMARY KEY (%s)\n)%s;\n", columnNames(table, table.Order(0)), d.table)
}

func columnNames(table *message.Table, cols []int) string {
	var out []string
	for _, c := range cols {
		out = append(out, table.Columns[c].Name)
	}
	return strings.Join(out, ", ")
}
