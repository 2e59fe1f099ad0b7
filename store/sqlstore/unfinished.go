package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/dangol-dev/dangol/store"
)

// unfinished is a row of the ledger of columns while a table is made or changed. MariaDB
// keeps each such statement at once, transaction or not: whoever finds the row after a
// process was killed takes what is there for its own and goes on.
const unfinished = "?"

// making tells whether a table lacks anything that the catalog asks for.
func (l *layout) making(t *ownTable, known map[string]string) bool {
	if _, ok := known[""]; !ok {
		return true
	}
	for _, c := range t.of.Columns {
		if _, ok := known[c.Name]; !ok {
			return true
		}
	}
	return false
}

// resume gives what executes the statements that make or change a table: on MariaDB,
// after the table is marked as unfinished, one that forgives them for what was made
// before, if this is not the first to do so.
func (l *layout) resume(ctx context.Context, tx *sql.Tx, ledger string, t *ownTable, known map[string]string, exec execer) (execer, error) {
	if l.dialect != MySQL {
		return exec, nil
	}
	_, whole := known[""]
	_, marked := known[unfinished]
	// Without either it is of a process that was killed before there were such rows.
	again := marked || len(known) > 0 && !whole
	if !again {
		for _, name := range l.missing(t, known) {
			if there, err := l.dialect.has(ctx, tx, name); err != nil {
				return nil, err
			} else if there {
				return nil, fmt.Errorf("sqlstore: a table %q is there already, and it is not of the store's own", name)
			}
		}
	}
	if !marked {
		if err := exec("INSERT INTO "+ledger+" (of_table, name, declared) VALUES (?, ?, ?)", t.name, unfinished, "unfinished"); err != nil {
			return nil, err
		}
	}
	if !again {
		return exec, nil
	}
	return func(query string, args ...any) error {
		err := exec(query, args...)
		switch mysqlNumber(err) {
		case 1050, 1060, 1061: // a table, a column, an index is there already
			return nil
		}
		return err
	}, nil
}

// missing are the tables and views that are to be made.
func (l *layout) missing(t *ownTable, known map[string]string) (names []string) {
	if len(known) == 0 {
		names = append(names, t.name)
	}
	for _, set := range t.sets {
		if _, ok := known[set.column.Name]; ok {
			continue
		}
		if names = append(names, set.table); set.column.Reach != nil {
			names = append(names, set.read)
		}
	}
	return names
}

// record notes in the ledger what a table has now.
func (l *layout) record(ledger string, t *ownTable, of *store.Table, known map[string]string, exec execer) error {
	for _, c := range of.Columns {
		if _, ok := known[c.Name]; !ok {
			if err := exec("INSERT INTO "+ledger+" (of_table, name, declared) VALUES (?, ?, ?)", t.name, c.Name, declared(c.Type)); err != nil {
				return err
			}
		}
	}
	if _, ok := known[""]; !ok {
		if err := exec("INSERT INTO "+ledger+" (of_table, name, declared) VALUES (?, ?, ?)", t.name, "", "table"); err != nil {
			return err
		}
	}
	if l.dialect != MySQL {
		return nil
	}
	return exec("DELETE FROM "+ledger+" WHERE of_table = ? AND name = ?", t.name, unfinished)
}
