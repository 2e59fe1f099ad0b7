package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dangol-dev/dangol/dsl/catalog"
	"github.com/dangol-dev/dangol/eval/sqlgen"
)

// Servers of ClickHouse that are still run take no arguments beside a statement; the
// driver would write them into its text. So they are written here, where one function
// decides how, and the driver gets statements without arguments.

// literals runs statements with their arguments written into them.
type literals struct{ Querier }

// longStatement is from how many bytes on ClickHouse is told that a statement is long:
// it takes 256 KiB and 50,000 parts, if nobody says more.
const longStatement = 100_000

func (l literals) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	text, err := withLiterals(query, args)
	if err != nil {
		return nil, err
	}
	if conn, ok := l.Querier.(*sql.Conn); ok && len(text) > longStatement {
		set := fmt.Sprintf("SET max_query_size = %d, max_ast_elements = 10000000, max_expanded_ast_elements = 10000000", 2*len(text))
		if _, err := conn.ExecContext(ctx, set); err != nil {
			return nil, fmt.Errorf("make room for a statement of %d bytes: %w", len(text), err)
		}
	}
	return l.Querier.QueryContext(ctx, text)
}

// apart runs statements on a connection of their own; on ClickHouse it throws that away
// when one fails. Servers of ClickHouse that are still run leave unread what follows a text that
// they cannot parse, and take it for the next statement: whoever has the connection then
// is given errors, or even rows, that are not his.
func apart(ctx context.Context, db *sql.DB, d Dialect, do func(*sql.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = do(conn)
	if err != nil && d == ClickHouse {
		throwAway(conn)
	}
	return err
}

// throwAway ends a connection instead of giving it back to its pool.
func throwAway(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // which is what it returns
}

// errLiteral is returned for an argument that no rule and no read has.
var errLiteral = errors.New("sqlstore: not an argument for ClickHouse")

// withLiterals writes arguments where a statement has its placeholders. A ? inside
// quotes is no placeholder.
func withLiterals(query string, args []any) (string, error) {
	var b strings.Builder
	b.Grow(len(query) + 16*len(args))
	var quote byte
	n := 0
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '?' && quote == 0 {
			if n == len(args) {
				return "", fmt.Errorf("%w: more placeholders than the %d arguments", errLiteral, n)
			}
			text, err := literal(args[n])
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			n++
			continue
		}
		b.WriteByte(c)
		switch {
		case quote == 0 && (c == '\'' || c == '"' || c == '`'):
			quote = c
		case quote != 0 && c == '\\' && i+1 < len(query):
			i++
			b.WriteByte(query[i])
		case c == quote: // a doubled quote closes and opens again
			quote = 0
		}
	}
	if n != len(args) {
		return "", fmt.Errorf("%w: %d for %d placeholders", errLiteral, len(args), n)
	}
	return b.String(), nil
}

// literal is the one place where a rule's or a customer's value becomes part of a
// statement. Within the quotes ClickHouse knows two bytes that are not themselves: the
// quote, which ends the literal, and the backslash, which begins an escape. Both get a
// backslash before them; a zero byte is written as one, lest anything takes it for the
// end of the text.
func literal(arg any) (string, error) {
	switch v := arg.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case string:
		return "'" + clickEscapes.Replace(v) + "'", nil
	}
	return "", fmt.Errorf("%w: %T", errLiteral, arg)
}

var clickEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`)

// precise finds out which moments the host keeps as DateTime64: they are read by
// another function than DateTime, which old servers do not have. And it refuses what
// conversions would take today and fail on tomorrow, such as numbers kept as text.
func (s *Mapped) precise(ctx context.Context) error {
	for _, kind := range s.kinds() {
		t := s.m.tables[kind]
		for part, column := range map[string]string{"key": t.sql.Key, "customer": t.sql.Customer, "parent": t.sql.Parent} {
			if ours(column) {
				return &MappingError{Entry: t.entry + "." + part, Why: reserved}
			}
		}
		// First of all, lest a column be named for the fault of its table.
		if err := s.verifyTable(ctx, t); err != nil {
			return err
		}
		if err := s.ownerForm(ctx, kind, t); err != nil {
			return err
		}
		for _, list := range [][]mappedColumn{t.columns, t.carried} {
			for i := range list {
				c := &list[i]
				if ours(s.m.dialect.Quote(c.spec.Column)) {
					return &MappingError{Entry: c.entry, Why: reserved}
				}
				if c.set != nil {
					continue
				}
				if err := s.columnForm(ctx, t, c); err != nil {
					return err
				}
			}
		}
		if c := t.changed; c != nil {
			types, err := s.probe(ctx, t.sql.Name+" t", at(c.sql.SQL))
			if err != nil {
				return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
			}
			if want := unlike(types[0], c); want != "" {
				return &MappingError{Entry: c.entry, Why: "the column is of the type " + types[0] + ": want " + want}
			}
			c.sql.Precise = strings.HasPrefix(types[0], "DATETIME64")
		}
	}
	local, err := s.local(ctx)
	s.m.schema.Local = local
	return err
}

// local tells whether all tables are of engines whose rows lie on the server itself. It
// knows only some: views and engines that read elsewhere may be anything, and who cannot
// be told of tables is given statements that are right for all.
func (s *Mapped) local(ctx context.Context) (bool, error) {
	tables := map[string]bool{}
	for _, name := range s.m.hosts {
		database, table := "currentDatabase()", name
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			database, table = "'"+clickEscapes.Replace(name[:i])+"'", name[i+1:]
		}
		tables["database = "+database+" AND name = '"+clickEscapes.Replace(table)+"'"] = true
	}
	found := 0
	err := apart(ctx, s.db, ClickHouse, func(conn *sql.Conn) error {
		query := "SELECT count() FROM system.tables WHERE (engine LIKE '%MergeTree' OR engine IN ('Memory', 'Log', 'TinyLog', 'StripeLog')) AND (" +
			strings.Join(slices.Sorted(maps.Keys(tables)), " OR ") + ")"
		return conn.QueryRowContext(ctx, query).Scan(&found)
	})
	if err != nil && ClickHouse.lost(err) {
		return false, fmt.Errorf("sqlstore: look where the tables lie: %w", err)
	}
	return err == nil && found == len(tables), nil
}

// columnForm finds out what statements may know of a column.
func (s *Mapped) columnForm(ctx context.Context, t *mappedTable, c *mappedColumn) error {
	read := at(c.sql.SQL)
	if c.sql.Raw != nil {
		read += ", " + at(c.sql.Raw.SQL)
	}
	found, err := s.columnTypes(ctx, "SELECT "+read+" FROM "+t.sql.Name+" t WHERE 1 = 0")
	if err != nil {
		return &MappingError{Entry: c.entry, Why: "the column cannot be read", Err: err}
	}
	dbType := bare(strings.ToUpper(found[0].DatabaseTypeName()))
	if want := unlike(dbType, c); want != "" {
		return &MappingError{Entry: c.entry, Why: "the column is of the type " + dbType + ": want " + want}
	}
	c.sql.Filled = !mayBeNull(found[len(found)-1])
	switch c.of.Type.Sort {
	case catalog.Instant:
		c.sql.Precise = strings.HasPrefix(dbType, "DATETIME64")
	case catalog.Money, catalog.Number:
		c.sql.Whole = c.sql.SQL == c.probe && slices.Contains(clickIntegers, dbType)
	}
	t.sql.Columns[c.of.Name] = c.sql // the schema has the same map
	return nil
}

// ownerForm finds out how the customers of a table are told.
func (s *Mapped) ownerForm(ctx context.Context, kind string, t *mappedTable) error {
	column := t.sql.Key
	if kind != "" {
		column = t.sql.Customer
	}
	found, err := s.columnTypes(ctx, "SELECT t."+column+" FROM "+t.sql.Name+" t WHERE 1 = 0")
	if err != nil {
		return err
	}
	form := sqlgen.AnyKey
	switch whole := found[0].DatabaseTypeName(); {
	case bare(strings.ToUpper(whole)) == "STRING":
		form = sqlgen.TextKey
	case slices.Contains(clickIntegers, bare(strings.ToUpper(whole))):
		form = sqlgen.IntegerKey
	}
	if form == sqlgen.AnyKey {
		return nil
	}
	if whole := found[0].DatabaseTypeName(); !strings.Contains(whole, "(") && !mayBeNull(found[0]) {
		t.sql.OwnerType = whole
	}
	s.owned(t, form)
	return nil
}

// mayBeNull tells of a column that it may have NULLs, as far as its type and the driver say.
func mayBeNull(t *sql.ColumnType) bool {
	null, told := t.Nullable()
	return told && null || strings.Contains(strings.ToUpper(t.DatabaseTypeName()), "NULLABLE(")
}

// clickIntegers are the types of integers that fit 64 bits with a sign.
var clickIntegers = []string{"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32"}

const reserved = "names that begin with " + sqlgen.Reserved + " are the statements' own; give the column another by sql"

func ours(quoted string) bool {
	return strings.HasPrefix(quoted, "`"+sqlgen.Reserved) || strings.HasPrefix(quoted, "`x"+sqlgen.Reserved)
}

// unlike is what type a value should have, "" when it has it.
func unlike(dbType string, c *mappedColumn) string {
	integer := keyForm(dbType).integer()
	switch c.of.Type.Sort {
	case catalog.Instant:
		switch native := c.sql.Encoding == sqlgen.Native || c.sql.Encoding == sqlgen.Local; {
		case native && !strings.HasPrefix(dbType, "DATETIME"):
			return "DateTime or DateTime64, or an integer with epoch, epoch_ms or epoch_us"
		case !native && !integer:
			return "an integer"
		}
	case catalog.Date:
		if !strings.HasPrefix(dbType, "DATE") || strings.HasPrefix(dbType, "DATETIME") {
			return "Date or Date32"
		}
	case catalog.Bool:
		if !integer && dbType != "BOOL" {
			return "Bool or UInt8, or values for words"
		}
	case catalog.Money, catalog.Number:
		if !integer && !strings.HasPrefix(dbType, "DECIMAL") {
			return "an integer or a Decimal"
		}
	}
	return ""
}

// bare is a type's name without what it may be wrapped in.
func bare(dbType string) string {
	for _, wrap := range []string{"LOWCARDINALITY(", "NULLABLE("} {
		if inner, ok := strings.CutPrefix(dbType, wrap); ok {
			dbType = strings.TrimSuffix(inner, ")")
		}
	}
	return dbType
}
