-- The state of package message. Times are microseconds since 1970 UTC, 0 for none.

CREATE TABLE IF NOT EXISTS {prefix}message_campaigns (
	campaign varbinary(255) NOT NULL,
	state longblob NOT NULL,
	reason longblob NOT NULL,
	definition longblob NOT NULL,
	holds longblob NOT NULL,
	topic varbinary(255) NOT NULL,
	revision bigint NOT NULL,
	wake bigint NOT NULL,
	upto bigint NOT NULL,
	PRIMARY KEY (campaign)
);
CREATE INDEX IF NOT EXISTS {prefix}message_campaigns_1 ON {prefix}message_campaigns (wake, campaign);
CREATE INDEX IF NOT EXISTS {prefix}message_campaigns_2 ON {prefix}message_campaigns (topic, campaign);

CREATE TABLE IF NOT EXISTS {prefix}message_revisions (
	campaign varbinary(255) NOT NULL,
	revision bigint NOT NULL,
	at bigint NOT NULL,
	since bigint NOT NULL,
	definition longblob NOT NULL,
	PRIMARY KEY (campaign, revision)
);

CREATE TABLE IF NOT EXISTS {prefix}message_occurrences (
	campaign varbinary(255) NOT NULL,
	occurrence varbinary(255) NOT NULL,
	state varbinary(255) NOT NULL,
	reason longblob NOT NULL,
	at bigint NOT NULL,
	due bigint NOT NULL,
	started bigint NOT NULL,
	active bigint NOT NULL,
	ended bigint NOT NULL,
	audience bigint NOT NULL,
	failures bigint NOT NULL,
	frozen bigint NOT NULL,
	attempts bigint NOT NULL,
	fired bigint NOT NULL,
	priced bigint NOT NULL,
	broke bigint NOT NULL,
	reserved bigint NOT NULL,
	reached longblob NOT NULL,
	snapshots longblob NOT NULL,
	customer longblob NOT NULL,
	PRIMARY KEY (campaign, occurrence)
);
CREATE INDEX IF NOT EXISTS {prefix}message_occurrences_1 ON {prefix}message_occurrences (state, due, campaign, occurrence);
CREATE INDEX IF NOT EXISTS {prefix}message_occurrences_2 ON {prefix}message_occurrences (campaign, state, occurrence);

CREATE TABLE IF NOT EXISTS {prefix}message_recipients (
	campaign varbinary(255) NOT NULL,
	occurrence varbinary(255) NOT NULL,
	customer varbinary(255) NOT NULL,
	state longblob NOT NULL,
	reason longblob NOT NULL,
	detail longblob NOT NULL,
	live bigint NOT NULL,
	due bigint NOT NULL,
	fence bigint NOT NULL,
	attempts bigint NOT NULL,
	step bigint NOT NULL,
	revision bigint NOT NULL,
	since bigint NOT NULL,
	updated bigint NOT NULL,
	variant longblob NOT NULL,
	channel longblob NOT NULL,
	PRIMARY KEY (campaign, occurrence, customer)
);
CREATE INDEX IF NOT EXISTS {prefix}message_recipients_1 ON {prefix}message_recipients (campaign, occurrence, live, due, customer);
CREATE INDEX IF NOT EXISTS {prefix}message_recipients_2 ON {prefix}message_recipients (campaign, customer, occurrence);

CREATE TABLE IF NOT EXISTS {prefix}message_deliveries (
	delivery varbinary(255) NOT NULL,
	campaign varbinary(255) NOT NULL,
	occurrence varbinary(255) NOT NULL,
	customer varbinary(255) NOT NULL,
	channel longblob NOT NULL,
	purpose longblob NOT NULL,
	address varbinary(255) NOT NULL,
	status longblob NOT NULL,
	failure longblob NOT NULL,
	provider varbinary(255) NOT NULL,
	variant longblob NOT NULL,
	coupon longblob NOT NULL,
	subject longblob NOT NULL,
	body longblob NOT NULL,
	revision bigint NOT NULL,
	submitted bigint NOT NULL,
	accepted bigint NOT NULL,
	delivered bigint NOT NULL,
	opened bigint NOT NULL,
	clicked bigint NOT NULL,
	failed bigint NOT NULL,
	unsubscribed bigint NOT NULL,
	cost bigint NOT NULL,
	refunded bigint NOT NULL,
	PRIMARY KEY (delivery)
);
CREATE INDEX IF NOT EXISTS {prefix}message_deliveries_1 ON {prefix}message_deliveries (customer, submitted, delivery);
CREATE INDEX IF NOT EXISTS {prefix}message_deliveries_2 ON {prefix}message_deliveries (campaign, customer, delivery);
CREATE INDEX IF NOT EXISTS {prefix}message_deliveries_3 ON {prefix}message_deliveries (campaign, occurrence, address, delivery);
CREATE INDEX IF NOT EXISTS {prefix}message_deliveries_4 ON {prefix}message_deliveries (provider, delivery);

CREATE TABLE IF NOT EXISTS {prefix}message_counters (
	name varbinary(255) NOT NULL,
	value bigint NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE IF NOT EXISTS {prefix}message_consents (
	customer varbinary(255) NOT NULL,
	seq bigint NOT NULL,
	channel longblob NOT NULL,
	purpose longblob NOT NULL,
	granted bigint NOT NULL,
	at bigint NOT NULL,
	recorded bigint NOT NULL,
	wording longblob NOT NULL,
	evidence longblob NOT NULL,
	source longblob NOT NULL,
	PRIMARY KEY (customer, seq)
);

CREATE TABLE IF NOT EXISTS {prefix}message_credits (
	seq bigint NOT NULL,
	kind longblob NOT NULL,
	ref longblob NOT NULL,
	amount bigint NOT NULL,
	left_over bigint NOT NULL,
	at bigint NOT NULL,
	PRIMARY KEY (seq)
);

CREATE TABLE IF NOT EXISTS {prefix}message_orders (
	order_id varbinary(255) NOT NULL,
	customer varbinary(255) NOT NULL,
	currency longblob NOT NULL,
	delivery varbinary(255) NOT NULL,
	at bigint NOT NULL,
	amount bigint NOT NULL,
	cancelled bigint NOT NULL,
	PRIMARY KEY (order_id)
);
CREATE INDEX IF NOT EXISTS {prefix}message_orders_1 ON {prefix}message_orders (customer, at, order_id);
CREATE INDEX IF NOT EXISTS {prefix}message_orders_2 ON {prefix}message_orders (delivery, order_id);

CREATE TABLE IF NOT EXISTS {prefix}message_duties (
	duty varbinary(255) NOT NULL,
	kind longblob NOT NULL,
	rule_id longblob NOT NULL,
	customer longblob NOT NULL,
	channel longblob NOT NULL,
	purpose longblob NOT NULL,
	how longblob NOT NULL,
	granted bigint NOT NULL,
	said bigint NOT NULL,
	start_at bigint NOT NULL,
	due bigint NOT NULL,
	done bigint NOT NULL,
	stage bigint NOT NULL,
	seq bigint NOT NULL,
	PRIMARY KEY (duty)
);
CREATE INDEX IF NOT EXISTS {prefix}message_duties_1 ON {prefix}message_duties (stage, start_at, duty);

CREATE TABLE IF NOT EXISTS {prefix}message_events (
	event varbinary(255) NOT NULL,
	topic varbinary(255) NOT NULL,
	customer varbinary(255) NOT NULL,
	at bigint NOT NULL,
	PRIMARY KEY (event)
);
CREATE INDEX IF NOT EXISTS {prefix}message_events_1 ON {prefix}message_events (customer, topic, at, event);

CREATE TABLE IF NOT EXISTS {prefix}message_suppressions (
	channel varbinary(255) NOT NULL,
	address varbinary(255) NOT NULL,
	lifted bigint NOT NULL,
	at bigint NOT NULL,
	reason longblob NOT NULL,
	PRIMARY KEY (channel, address)
);

-- Locked by every transaction that writes.
INSERT IGNORE INTO {prefix}message_counters (name, value) VALUES ('lock', 0);
