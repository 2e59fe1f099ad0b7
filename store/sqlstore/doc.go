// Package sqlstore keeps and reads customers in SQL databases on *sql.DB.
//
//   - Open makes tables of the library's own from a catalog and returns a Store that
//     reads and writes them: SQLite, PostgreSQL, MariaDB.
//   - OpenMapped returns a Mapped store over tables that a host already has, which it
//     only reads: a Mapping, in Go or YAML, tells what lies where. ClickHouse too.
//   - OpenLoaded returns a Loaded store on ClickHouse, which has no transactions: a shop
//     is loaded there whole, into tables of the library's own, and then only read.
//   - Dialect, InTx and Migrate are what the tables of the services (segmentsql,
//     couponsql, messagesql) are built on.
//
// No driver is imported: the host opens the pools and closes them.
package sqlstore
