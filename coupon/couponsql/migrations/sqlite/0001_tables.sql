-- Definitions: the head row holds what changes, the versions never do.
CREATE TABLE {prefix}coupon_definitions (
	id            text    NOT NULL PRIMARY KEY,
	version       integer NOT NULL,
	kind          text    NOT NULL,
	auto_group    text    NOT NULL,
	auto_event    text    NOT NULL,
	stop_issuing  integer NOT NULL,
	stop_using    integer NOT NULL
) WITHOUT ROWID;

CREATE TABLE {prefix}coupon_versions (
	id      text    NOT NULL REFERENCES {prefix}coupon_definitions (id),
	version integer NOT NULL,
	body    text    NOT NULL,
	PRIMARY KEY (id, version)
) WITHOUT ROWID;

-- Times are microseconds since 1970 in UTC; NULL is none.
CREATE TABLE {prefix}coupon_grants (
	id         text    NOT NULL PRIMARY KEY,
	definition text    NOT NULL,
	version    integer NOT NULL,
	code       text    NOT NULL UNIQUE,
	customer   text    NOT NULL,
	shared     integer NOT NULL,
	issue_key  text    UNIQUE,
	batch      text    NOT NULL,
	campaign   text    NOT NULL,
	grp        text    NOT NULL,
	issued     integer NOT NULL,
	starts     integer NOT NULL,
	expires    integer,
	revoked    integer,
	used       integer,
	order_id   text    NOT NULL,
	discount   integer NOT NULL,
	rev        integer NOT NULL,
	FOREIGN KEY (definition, version) REFERENCES {prefix}coupon_versions (id, version)
) WITHOUT ROWID;

CREATE INDEX {prefix}coupon_grants_customer ON {prefix}coupon_grants (customer, id) WHERE customer <> '';
CREATE INDEX {prefix}coupon_grants_batch ON {prefix}coupon_grants (batch, id) WHERE batch <> '';
CREATE INDEX {prefix}coupon_grants_definition ON {prefix}coupon_grants (definition, id);
CREATE INDEX {prefix}coupon_grants_expires ON {prefix}coupon_grants (expires) WHERE used IS NULL AND revoked IS NULL;

CREATE TABLE {prefix}coupon_batches (
	id         text    NOT NULL PRIMARY KEY,
	definition text    NOT NULL,
	version    integer NOT NULL,
	codes      integer NOT NULL,
	done       integer NOT NULL,
	campaign   text    NOT NULL,
	created    integer NOT NULL,
	rev        integer NOT NULL
) WITHOUT ROWID;

-- A redemption's key never expires, so rows stay. definitions holds the used
-- definitions as "/a/b/", ends the end of the reservation.
CREATE TABLE {prefix}coupon_redemptions (
	redemption  text    NOT NULL PRIMARY KEY,
	state       text    NOT NULL,
	customer    text    NOT NULL,
	definitions text    NOT NULL,
	ends        integer,
	body        text    NOT NULL,
	rev         integer NOT NULL
) WITHOUT ROWID;

CREATE INDEX {prefix}coupon_redemptions_ends ON {prefix}coupon_redemptions (ends) WHERE state = 'reserved';
CREATE INDEX {prefix}coupon_redemptions_customer ON {prefix}coupon_redemptions (customer) WHERE customer <> '';

-- Only ever appended to. The counters are its sums.
CREATE TABLE {prefix}coupon_ledger (
	seq        integer PRIMARY KEY AUTOINCREMENT,
	redemption text    NOT NULL,
	event      text    NOT NULL,
	at         integer NOT NULL,
	counted    integer NOT NULL,
	definition text    NOT NULL,
	version    integer NOT NULL,
	grant_id   text    NOT NULL,
	shared     integer NOT NULL,
	customer   text    NOT NULL,
	campaign   text    NOT NULL,
	grp        text    NOT NULL,
	order_id   text    NOT NULL,
	discount   integer NOT NULL,
	paid       integer NOT NULL
);

CREATE INDEX {prefix}coupon_ledger_definition ON {prefix}coupon_ledger (definition, seq);

CREATE TABLE {prefix}coupon_counters (
	definition text    NOT NULL,
	kind       text    NOT NULL,
	subject    text    NOT NULL,
	period     text    NOT NULL,
	uses       integer NOT NULL CHECK (uses >= 0),
	amount     integer NOT NULL CHECK (amount >= 0),
	PRIMARY KEY (definition, kind, subject, period)
) WITHOUT ROWID;
