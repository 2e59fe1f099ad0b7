package sqlstore

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Monthly describes a table of the library that only grows and may be partitioned by
// month on PostgreSQL and MariaDB, so that a host can put old months aside as whole
// partitions. Its functions give statements and run none: a host runs them with its
// own tool, after the service's migrations and while nothing writes to the table. The
// services neither know nor mind.
//
// Months are of UTC. SQLite has no partitions: ErrDialect.
type Monthly struct {
	Table string // such as dangol_coupon_ledger
	Seq   string // its primary key, a number that grows
	Time  string // when a row was written, in microseconds since 1970
	// Indexes are the other indexes, each a list of columns.
	Indexes []string
	// Assigned says that the database gives Seq to each row.
	Assigned bool
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,59}$`)

func (m Monthly) check(d Dialect) error {
	if d != Postgres && d != MySQL {
		return fmt.Errorf("%w: %s has no partitions", ErrDialect, d)
	}
	for _, name := range []string{m.Table, m.Seq, m.Time} {
		if !plainName.MatchString(name) {
			return fmt.Errorf("sqlstore: %q is no name of a table or column", name)
		}
	}
	return nil
}

// month is the first instant of a month and the name of its partition.
func (m Monthly) month(of time.Time, add int) (time.Time, string) {
	first := time.Date(of.UTC().Year(), of.UTC().Month()+time.Month(add), 1, 0, 0, 0, 0, time.UTC)
	return first, first.Format("200601")
}

// Partition gives the statements that turn the table, with the rows it has, into one
// with a partition for each of some months from the given one on, and one for what is
// outside of them. Rows are copied on both engines: do it early.
func (m Monthly) Partition(d Dialect, from time.Time, months int) ([]string, error) {
	if err := m.check(d); err != nil {
		return nil, err
	}
	if months < 1 {
		return nil, fmt.Errorf("sqlstore: %d months", months)
	}
	if d == MySQL {
		return []string{
			fmt.Sprintf("ALTER TABLE %s DROP PRIMARY KEY, ADD PRIMARY KEY (%s, %s)", m.Table, m.Seq, m.Time),
			fmt.Sprintf("ALTER TABLE %s PARTITION BY RANGE (%s) (%s)", m.Table, m.Time, m.ranges(from, months)),
		}, nil
	}
	old := m.Table + "_whole"
	out := []string{fmt.Sprintf("ALTER TABLE %s RENAME TO %s", m.Table, old)}
	seq := m.Table + "_" + m.Seq + "_number"
	out = append(out, fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS) PARTITION BY RANGE (%s)", m.Table, old, m.Time))
	if m.Assigned { // before version 17 a partitioned table has no identity column
		out = append(out, "CREATE SEQUENCE "+seq,
			fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT nextval('%s')", m.Table, m.Seq, seq),
			fmt.Sprintf("ALTER SEQUENCE %s OWNED BY %s.%s", seq, m.Table, m.Seq))
	}
	for i := range months {
		out = append(out, m.create(from, i))
	}
	out = append(out, fmt.Sprintf("CREATE TABLE %s_other PARTITION OF %s DEFAULT", m.Table, m.Table),
		fmt.Sprintf("INSERT INTO %s SELECT * FROM %s", m.Table, old))
	if m.Assigned {
		out = append(out, fmt.Sprintf("SELECT setval('%s', (SELECT COALESCE(MAX(%s), 0) + 1 FROM %s), false)", seq, m.Seq, old))
	}
	out = append(out, "DROP TABLE "+old, fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (%s, %s)", m.Table, m.Seq, m.Time))
	for _, columns := range m.Indexes {
		out = append(out, fmt.Sprintf("CREATE INDEX ON %s (%s)", m.Table, columns))
	}
	return out, nil
}

func (m Monthly) create(from time.Time, add int) string {
	first, name := m.month(from, add)
	next, _ := m.month(from, add+1)
	return fmt.Sprintf("CREATE TABLE %s_%s PARTITION OF %s FOR VALUES FROM (%d) TO (%d)", m.Table, name, m.Table, first.UnixMicro(), next.UnixMicro())
}

func (m Monthly) ranges(from time.Time, months int) string {
	var parts []string
	for i := range months {
		_, name := m.month(from, i)
		next, _ := m.month(from, i+1)
		parts = append(parts, fmt.Sprintf("PARTITION p%s VALUES LESS THAN (%d)", name, next.UnixMicro()))
	}
	return strings.Join(append(parts, "PARTITION p_other VALUES LESS THAN MAXVALUE"), ", ")
}

// Add gives the statements that add the partition of a month, which must be later than
// all that there are. Run it before the month begins: it is then quick.
func (m Monthly) Add(d Dialect, month time.Time) ([]string, error) {
	if err := m.check(d); err != nil {
		return nil, err
	}
	if d == MySQL {
		return []string{fmt.Sprintf("ALTER TABLE %s REORGANIZE PARTITION p_other INTO (%s)", m.Table, m.ranges(month, 1))}, nil
	}
	return []string{m.create(month, 0)}, nil
}

// Detach gives the statements that make the rows of a month a table of their own,
// <table>_<month>, such as dangol_coupon_ledger_202603: to be archived, or dropped.
func (m Monthly) Detach(d Dialect, month time.Time) ([]string, error) {
	if err := m.check(d); err != nil {
		return nil, err
	}
	_, name := m.month(month, 0)
	if d == MySQL {
		aside := m.Table + "_" + name
		return []string{
			fmt.Sprintf("CREATE TABLE %s LIKE %s", aside, m.Table),
			fmt.Sprintf("ALTER TABLE %s REMOVE PARTITIONING", aside),
			fmt.Sprintf("ALTER TABLE %s EXCHANGE PARTITION p%s WITH TABLE %s", m.Table, name, aside),
			fmt.Sprintf("ALTER TABLE %s DROP PARTITION p%s", m.Table, name),
		}, nil
	}
	return []string{"ALTER TABLE " + m.Table + " DETACH PARTITION " + m.Table + "_" + name}, nil
}
