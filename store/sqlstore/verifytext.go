package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
)

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// utf8Sets are the character sets of MariaDB whose bytes are those of UTF-8.
var utf8Sets = []string{"utf8mb4", "utf8mb3", "utf8", "ascii", "binary"}

// collation tells what a text column needs before its bytes can be compared: on
// PostgreSQL whether its collation takes different texts for equal, on MariaDB the
// character set when its bytes are not UTF-8. The other statements bring their own
// collation.
func (s *Mapped) collation(ctx context.Context, from, sql string) (folds bool, charset string, err error) {
	// One row, of the type that the column has: a table without rows has a collation too.
	inner := " FROM (SELECT " + sql + " AS x FROM " + from + " WHERE 1 = 0 UNION ALL SELECT NULL) one"
	switch s.m.dialect {
	case Postgres:
		err = s.db.QueryRowContext(ctx, "SELECT NOT COALESCE((SELECT c.collisdeterministic FROM pg_collation c"+
			" WHERE c.oid = CAST(pg_collation_for(one.x) AS regcollation)), TRUE)"+inner).Scan(&folds)
	case MySQL:
		if err = s.db.QueryRowContext(ctx, "SELECT COALESCE(CHARSET(one.x), 'binary')"+inner).Scan(&charset); err == nil && slices.Contains(utf8Sets, charset) {
			charset = ""
		}
	}
	return folds, charset, err
}

// verifyText gives a text column the collation or character set that its bytes are
// compared in, where the column's own would compare otherwise.
func (s *Mapped) verifyText(ctx context.Context, t *mappedTable, c *mappedColumn) error {
	if c.of.Type.Sort != catalog.String && c.of.Type.Sort != catalog.Enum {
		return nil
	}
	folds, charset, err := s.collation(ctx, t.sql.Name+" t", at(c.sql.SQL))
	switch {
	case err != nil:
		return &MappingError{Entry: c.entry, Why: "the column cannot be read as text", Err: err}
	case folds:
		c.sql.SQL = "(" + c.sql.SQL + ` COLLATE "C")`
	case charset != "":
		c.sql.SQL = "CONVERT(" + c.sql.SQL + " USING utf8mb4)"
	}
	if folds || charset != "" {
		c.sql.Raw = nil // its index is of another order
	}
	t.sql.Columns[c.of.Name] = c.sql // the schema has the same map
	return nil
}

// verifySession is an error unless the session's clock is UTC.
func (s *Mapped) verifySession(ctx context.Context) error {
	var off int
	if err := s.db.QueryRowContext(ctx, "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())").Scan(&off); err != nil {
		return err
	}
	if off != 0 {
		return fmt.Errorf("the session is %d seconds from UTC; connect with time_zone='+00:00'", off)
	}
	return nil
}

// verifyTimes looks at the moments and days of a SQLite table: they are text, which
// compares as moments do in one form only, and columns there take any text.
func (s *Mapped) verifyTimes(ctx context.Context, from string, c *mappedColumn) error {
	var form, fraction string
	x := at(c.sql.SQL)
	switch {
	case s.m.dialect != SQLite || c.spec.written():
		return nil
	case c.spec.Time == "date":
		form = "date(x) = x"
	case c.spec.Time == "timestamptz":
		form, fraction = "strftime('%Y-%m-%d %H:%M:%S', substr(x, 1, 19)) = substr(x, 1, 19)", "replace(replace(substr(x, 20), '+00:00', ''), 'Z', '')"
	case c.spec.Time == "datetime":
		form, fraction = "strftime('%Y-%m-%d %H:%M:%S', substr(x, 1, 19)) = substr(x, 1, 19)", "substr(x, 20)"
	default:
		return nil
	}
	if fraction != "" {
		form += " AND (f = '' OR f GLOB '.[0-9]*' AND substr(f, 2) NOT GLOB '*[^0-9]*')"
	} else {
		fraction = "''"
	}
	query := "SELECT x FROM (SELECT x, " + fraction + " AS f FROM (SELECT CAST(" + x + " AS TEXT) AS x FROM " + from + ")) WHERE x IS NOT NULL AND NOT COALESCE(" + form + ", 0) LIMIT 1"
	var odd string
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
	}
	defer rows.Close()
	if rows.Next() {
		if err := rows.Scan(&odd); err != nil {
			return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
		}
		want := "2006-01-02 15:04:05, perhaps with a fraction"
		if c.spec.Time == "date" {
			want = "2006-01-02"
		}
		why := fmt.Sprintf("SQLite compares moments as text, in the form %s; the column has %q", want, strings.ToValidUTF8(odd, "�"))
		return &MappingError{Entry: c.entry, Why: why}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
	}
	return nil
}
