package couponsql

import (
	"strings"

	"github.com/dangol-dev/dangol/store/sqlstore"
)

// statements are the SQL that decides something. The guards in them are what
// keeps the service's promises; a test removes each and sees a promise break.
type statements struct {
	take, give                  string
	insertGrants, replaceGrant  string
	insertRedemption            string
	replaceRedemption           string
	insertBatch, replaceBatch   string
	insertDefinition, saveHead  string
	definition, definitionShare string
	overdue                     string
}

func newStatements(d sqlstore.Dialect, prefix string) statements {
	sql := func(text string) string { return d.Rebind(strings.ReplaceAll(text, "{prefix}", prefix)) }
	return statements{
		take: sql(`INSERT INTO {prefix}coupon_counters AS c (definition, kind, subject, period, uses, amount)
			VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (definition, kind, subject, period) DO UPDATE
			SET uses = c.uses + excluded.uses, amount = c.amount + excluded.amount
			WHERE c.uses + excluded.uses <= ? AND c.amount + excluded.amount <= ?`),
		give: sql(`UPDATE {prefix}coupon_counters SET uses = uses - ?, amount = amount - ?
			WHERE definition = ? AND kind = ? AND subject = ? AND period = ? AND uses >= ? AND amount >= ?`),
		insertGrants: sql(`INSERT INTO {prefix}coupon_grants (` + grantColumns + `) VALUES `),
		replaceGrant: sql(`UPDATE {prefix}coupon_grants SET definition = ?, version = ?, customer = ?, shared = ?, batch = ?,
			campaign = ?, grp = ?, issued = ?, starts = ?, expires = ?, revoked = ?,
			rev = rev + 1 WHERE id = ? AND rev = ?`),
		insertRedemption: sql(`INSERT INTO {prefix}coupon_redemptions (redemption, state, customer, definitions, ends, body, rev)
			VALUES (?, ?, ?, ?, ?, ?, 0)` + d.DoNothing("redemption")),
		replaceRedemption: sql(`UPDATE {prefix}coupon_redemptions SET state = ?, definitions = ?, ends = ?, body = ?, rev = rev + 1
			WHERE redemption = ? AND rev = ?`),
		insertBatch: sql(`INSERT INTO {prefix}coupon_batches (id, definition, version, codes, done, campaign, created, rev)
			VALUES (?, ?, ?, ?, ?, ?, ?, 1)` + d.DoNothing("id")),
		replaceBatch: sql(`UPDATE {prefix}coupon_batches SET done = ?, rev = rev + 1 WHERE id = ? AND rev = ?`),
		insertDefinition: sql(`INSERT INTO {prefix}coupon_definitions
			(id, version, kind, auto_group, auto_event, stop_issuing, stop_using) VALUES (?, ?, ?, ?, ?, ?, ?)` + d.DoNothing("id")),
		saveHead:        sql(`UPDATE {prefix}coupon_definitions SET version = ?, auto_group = ?, auto_event = ? WHERE id = ? AND version = ?`),
		definition:      sql(`SELECT version, stop_issuing, stop_using FROM {prefix}coupon_definitions WHERE id = ?`),
		definitionShare: sql(`SELECT version, stop_issuing, stop_using FROM {prefix}coupon_definitions WHERE id = ?`) + d.ForShare(),
		overdue: sql(`SELECT redemption FROM {prefix}coupon_redemptions WHERE state = 'reserved' AND ends <= ?
			AND (? = '' OR ` + contains(d) + `) ORDER BY ends, redemption LIMIT ?`),
	}
}

// contains tells whether a redemption uses a definition.
func contains(d sqlstore.Dialect) string {
	if d == sqlstore.Postgres {
		return "strpos(definitions, ?) > 0"
	}
	return "instr(definitions, ?) > 0"
}

const grantColumns = `id, definition, version, code, customer, shared, issue_key, batch, campaign, grp, issued, starts, expires, revoked, used, order_id, discount, rev`
