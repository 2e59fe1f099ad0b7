package couponsql

import (
	"strings"

	"github.com/dangol-dev/dangol/store/sqlstore"
)

// statements are the SQL that decides something. The guards in them are what
// keeps the service's promises; a test removes each and sees a promise break.
type statements struct {
	// take adds to a counter within its bounds. Where one statement cannot also
	// make the counter, it only changes one that exists, and start makes it.
	take, start, give           string
	replaceGrant                string
	insertRedemption            string
	replaceRedemption           string
	insertBatch, replaceBatch   string
	insertDefinition, saveHead  string
	definition, definitionShare string
	overdue                     string
}

func newStatements(d sqlstore.Dialect, prefix string) statements {
	sql := func(text string) string { return d.Rebind(strings.ReplaceAll(text, "{prefix}", prefix)) }
	s := statements{
		take: sql(`INSERT INTO {prefix}coupon_counters AS c (definition, kind, subject, period, uses, amount)
			VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (definition, kind, subject, period) DO UPDATE
			SET uses = c.uses + excluded.uses, amount = c.amount + excluded.amount
			WHERE c.uses + excluded.uses <= ? AND c.amount + excluded.amount <= ?`),
		give: sql(`UPDATE {prefix}coupon_counters SET uses = uses - ?, amount = amount - ?
			WHERE definition = ? AND kind = ? AND subject = ? AND period = ? AND uses >= ? AND amount >= ?`),
		replaceGrant: sql(`UPDATE {prefix}coupon_grants SET definition = ?, version = ?, customer = ?, shared = ?, batch = ?,
			campaign = ?, grp = ?, issued = ?, starts = ?, expires = ?, revoked = ?,
			rev = rev + 1 WHERE id = ? AND rev = ?`),
		insertRedemption: sql(insertNew(d, "{prefix}coupon_redemptions", "redemption, state, customer, definitions, ends, body, rev",
			"(?, ?, ?, ?, ?, ?, 0)")),
		replaceRedemption: sql(`UPDATE {prefix}coupon_redemptions SET state = ?, definitions = ?, ends = ?, body = ?, rev = rev + 1
			WHERE redemption = ? AND rev = ?`),
		insertBatch: sql(insertNew(d, "{prefix}coupon_batches", "id, definition, version, codes, done, campaign, created, rev",
			"(?, ?, ?, ?, ?, ?, ?, 1)")),
		replaceBatch: sql(`UPDATE {prefix}coupon_batches SET done = ?, rev = rev + 1 WHERE id = ? AND rev = ?`),
		insertDefinition: sql(insertNew(d, "{prefix}coupon_definitions",
			"id, version, kind, auto_group, auto_event, stop_issuing, stop_using", "(?, ?, ?, ?, ?, ?, ?)")),
		saveHead:        sql(`UPDATE {prefix}coupon_definitions SET version = ?, auto_group = ?, auto_event = ? WHERE id = ? AND version = ?`),
		definition:      sql(`SELECT version, stop_issuing, stop_using FROM {prefix}coupon_definitions WHERE id = ?`),
		definitionShare: sql(`SELECT version, stop_issuing, stop_using FROM {prefix}coupon_definitions WHERE id = ?`) + d.ForShare(),
		overdue: sql(`SELECT redemption FROM {prefix}coupon_redemptions WHERE state = 'reserved' AND ends <= ?
			AND (? = '' OR ` + contains(d) + `) ORDER BY ends, redemption LIMIT ?`),
	}
	if d == sqlstore.MySQL {
		s.take = sql(`UPDATE {prefix}coupon_counters SET uses = uses + ?, amount = amount + ?
			WHERE definition = ? AND kind = ? AND subject = ? AND period = ? AND uses + ? <= ? AND amount + ? <= ?`)
		s.start = sql(`INSERT IGNORE INTO {prefix}coupon_counters (definition, kind, subject, period, uses, amount) VALUES (?, ?, ?, ?, ?, ?)`)
	}
	return s
}

// insertNew adds a row unless a unique key is taken; the affected rows tell. MariaDB
// has IGNORE for it, which counts right whatever the driver is set to count. (It
// would also shorten what is too long; the service bounds every text.)
func insertNew(d sqlstore.Dialect, table, columns, values string) string {
	if d == sqlstore.MySQL {
		return "INSERT IGNORE INTO " + table + " (" + columns + ") VALUES " + values
	}
	return "INSERT INTO " + table + " (" + columns + ") VALUES " + values + " ON CONFLICT DO NOTHING"
}

// contains tells whether a redemption uses a definition.
func contains(d sqlstore.Dialect) string {
	if d == sqlstore.Postgres {
		return "strpos(definitions, ?) > 0"
	}
	return "instr(definitions, ?) > 0"
}

const grantColumns = `id, definition, version, code, customer, shared, issue_key, batch, campaign, grp, issued, starts, expires, revoked, used, order_id, discount, rev`
