-- Definitions: the head row holds what changes, the versions never do.
CREATE TABLE {prefix}coupon_definitions (
	id           text COLLATE "C" NOT NULL PRIMARY KEY,
	version      bigint           NOT NULL,
	kind         text COLLATE "C" NOT NULL,
	auto_group   text COLLATE "C" NOT NULL,
	auto_event   text COLLATE "C" NOT NULL,
	stop_issuing boolean          NOT NULL,
	stop_using   boolean          NOT NULL
);

CREATE TABLE {prefix}coupon_versions (
	id      text COLLATE "C" NOT NULL REFERENCES {prefix}coupon_definitions (id),
	version bigint           NOT NULL,
	body    text COLLATE "C" NOT NULL,
	PRIMARY KEY (id, version)
);

-- Times are microseconds since 1970 in UTC; NULL is none.
CREATE TABLE {prefix}coupon_grants (
	id         text COLLATE "C" NOT NULL PRIMARY KEY,
	definition text COLLATE "C" NOT NULL,
	version    bigint           NOT NULL,
	code       text COLLATE "C" NOT NULL UNIQUE,
	customer   text COLLATE "C" NOT NULL,
	shared     boolean          NOT NULL,
	issue_key  text COLLATE "C" UNIQUE,
	batch      text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL,
	grp        text COLLATE "C" NOT NULL,
	issued     bigint           NOT NULL,
	starts     bigint           NOT NULL,
	expires    bigint,
	revoked    bigint,
	used       bigint,
	order_id   text COLLATE "C" NOT NULL,
	discount   bigint           NOT NULL,
	rev        bigint           NOT NULL,
	FOREIGN KEY (definition, version) REFERENCES {prefix}coupon_versions (id, version)
);

CREATE INDEX {prefix}coupon_grants_customer ON {prefix}coupon_grants (customer, id) WHERE customer <> '';
CREATE INDEX {prefix}coupon_grants_batch ON {prefix}coupon_grants (batch, id) WHERE batch <> '';
CREATE INDEX {prefix}coupon_grants_definition ON {prefix}coupon_grants (definition, id);
CREATE INDEX {prefix}coupon_grants_expires ON {prefix}coupon_grants (expires) WHERE used IS NULL AND revoked IS NULL;

CREATE TABLE {prefix}coupon_batches (
	id         text COLLATE "C" NOT NULL PRIMARY KEY,
	definition text COLLATE "C" NOT NULL,
	version    bigint           NOT NULL,
	codes      bigint           NOT NULL,
	done       bigint           NOT NULL,
	campaign   text COLLATE "C" NOT NULL,
	created    bigint           NOT NULL,
	rev        bigint           NOT NULL
);

-- A redemption's key never expires, so rows stay. definitions holds the used
-- definitions as "/a/b/", ends the end of the reservation.
CREATE TABLE {prefix}coupon_redemptions (
	redemption  text COLLATE "C" NOT NULL PRIMARY KEY,
	state       text COLLATE "C" NOT NULL,
	customer    text COLLATE "C" NOT NULL,
	definitions text COLLATE "C" NOT NULL,
	ends        bigint,
	body        text COLLATE "C" NOT NULL,
	rev         bigint           NOT NULL
);

CREATE INDEX {prefix}coupon_redemptions_ends ON {prefix}coupon_redemptions (ends) WHERE state = 'reserved';
CREATE INDEX {prefix}coupon_redemptions_customer ON {prefix}coupon_redemptions (customer) WHERE customer <> '';

-- Only ever appended to. The counters are its sums.
CREATE TABLE {prefix}coupon_ledger (
	seq        bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	redemption text COLLATE "C" NOT NULL,
	event      text COLLATE "C" NOT NULL,
	at         bigint           NOT NULL,
	counted    bigint           NOT NULL,
	definition text COLLATE "C" NOT NULL,
	version    bigint           NOT NULL,
	grant_id   text COLLATE "C" NOT NULL,
	shared     boolean          NOT NULL,
	customer   text COLLATE "C" NOT NULL,
	campaign   text COLLATE "C" NOT NULL,
	grp        text COLLATE "C" NOT NULL,
	order_id   text COLLATE "C" NOT NULL,
	discount   bigint           NOT NULL,
	paid       bigint           NOT NULL
);

CREATE INDEX {prefix}coupon_ledger_definition ON {prefix}coupon_ledger (definition, seq);

CREATE TABLE {prefix}coupon_counters (
	definition text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	subject    text COLLATE "C" NOT NULL,
	period     text COLLATE "C" NOT NULL,
	uses       bigint           NOT NULL CHECK (uses >= 0),
	amount     bigint           NOT NULL CHECK (amount >= 0),
	PRIMARY KEY (definition, kind, subject, period)
);
