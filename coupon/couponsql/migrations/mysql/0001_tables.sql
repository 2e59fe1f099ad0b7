-- Texts are compared byte by byte, as everywhere in the library.

-- Definitions: the head row holds what changes, the versions never do.
CREATE TABLE IF NOT EXISTS {prefix}coupon_definitions (
	id           varbinary(64)  NOT NULL PRIMARY KEY,
	version      bigint         NOT NULL,
	kind         varbinary(32)  NOT NULL,
	auto_group   varbinary(255) NOT NULL,
	auto_event   varbinary(255) NOT NULL,
	stop_issuing boolean        NOT NULL,
	stop_using   boolean        NOT NULL
);

CREATE TABLE IF NOT EXISTS {prefix}coupon_versions (
	id      varbinary(64)                  NOT NULL,
	version bigint                         NOT NULL,
	body    longtext CHARACTER SET utf8mb4 NOT NULL,
	PRIMARY KEY (id, version),
	FOREIGN KEY (id) REFERENCES {prefix}coupon_definitions (id)
);

-- Times are microseconds since 1970 in UTC; NULL is none.
CREATE TABLE IF NOT EXISTS {prefix}coupon_grants (
	id         varbinary(64)  NOT NULL PRIMARY KEY,
	definition varbinary(64)  NOT NULL,
	version    bigint         NOT NULL,
	code       varbinary(300) NOT NULL UNIQUE,
	customer   varbinary(255) NOT NULL,
	shared     boolean        NOT NULL,
	issue_key  varbinary(255) UNIQUE,
	batch      varbinary(255) NOT NULL,
	campaign   varbinary(255) NOT NULL,
	grp        varbinary(255) NOT NULL,
	issued     bigint         NOT NULL,
	starts     bigint         NOT NULL,
	expires    bigint,
	revoked    bigint,
	used       bigint,
	order_id   varbinary(255) NOT NULL,
	discount   bigint         NOT NULL,
	rev        bigint         NOT NULL,
	KEY (customer, id),
	KEY (batch, id),
	KEY (definition, id),
	KEY (expires),
	FOREIGN KEY (definition, version) REFERENCES {prefix}coupon_versions (id, version)
);

CREATE TABLE IF NOT EXISTS {prefix}coupon_batches (
	id         varbinary(255) NOT NULL PRIMARY KEY,
	definition varbinary(64)  NOT NULL,
	version    bigint         NOT NULL,
	codes      bigint         NOT NULL,
	done       bigint         NOT NULL,
	campaign   varbinary(255) NOT NULL,
	created    bigint         NOT NULL,
	rev        bigint         NOT NULL
);

-- A redemption's key never expires, so rows stay. definitions holds the used
-- definitions as "/a/b/", ends the end of the reservation.
CREATE TABLE IF NOT EXISTS {prefix}coupon_redemptions (
	redemption  varbinary(255)                 NOT NULL PRIMARY KEY,
	state       varbinary(32)                  NOT NULL,
	customer    varbinary(255)                 NOT NULL,
	definitions longblob                       NOT NULL,
	ends        bigint,
	body        longtext CHARACTER SET utf8mb4 NOT NULL,
	rev         bigint                         NOT NULL,
	KEY (state, ends),
	KEY (customer)
);

-- Only ever appended to. The counters are its sums.
CREATE TABLE IF NOT EXISTS {prefix}coupon_ledger (
	seq        bigint         NOT NULL AUTO_INCREMENT PRIMARY KEY,
	redemption varbinary(255) NOT NULL,
	event      varbinary(32)  NOT NULL,
	at         bigint         NOT NULL,
	counted    bigint         NOT NULL,
	definition varbinary(64)  NOT NULL,
	version    bigint         NOT NULL,
	grant_id   varbinary(64)  NOT NULL,
	shared     boolean        NOT NULL,
	customer   varbinary(255) NOT NULL,
	campaign   varbinary(255) NOT NULL,
	grp        varbinary(255) NOT NULL,
	order_id   varbinary(255) NOT NULL,
	discount   bigint         NOT NULL,
	paid       bigint         NOT NULL,
	KEY (definition, seq)
);

CREATE TABLE IF NOT EXISTS {prefix}coupon_counters (
	definition varbinary(64)  NOT NULL,
	kind       varbinary(32)  NOT NULL,
	subject    varbinary(255) NOT NULL,
	period     varbinary(32)  NOT NULL,
	uses       bigint         NOT NULL CHECK (uses >= 0),
	amount     bigint         NOT NULL CHECK (amount >= 0),
	PRIMARY KEY (definition, kind, subject, period)
);
