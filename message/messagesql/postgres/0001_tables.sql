-- The state of package message. Times are microseconds since 1970 UTC, 0 for none.

CREATE TABLE {prefix}message_campaigns (
	campaign text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
	definition text COLLATE "C" NOT NULL,
	holds text COLLATE "C" NOT NULL,
	topic text COLLATE "C" NOT NULL,
	revision bigint NOT NULL,
	wake bigint NOT NULL,
	upto bigint NOT NULL,
	PRIMARY KEY (campaign)
);
CREATE INDEX {prefix}message_campaigns_1 ON {prefix}message_campaigns (wake, campaign);
CREATE INDEX {prefix}message_campaigns_2 ON {prefix}message_campaigns (topic, campaign);

CREATE TABLE {prefix}message_revisions (
	campaign text COLLATE "C" NOT NULL,
	revision bigint NOT NULL,
	at bigint NOT NULL,
	since bigint NOT NULL,
	definition text COLLATE "C" NOT NULL,
	PRIMARY KEY (campaign, revision)
);

CREATE TABLE {prefix}message_occurrences (
	campaign text COLLATE "C" NOT NULL,
	occurrence text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
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
	reached text COLLATE "C" NOT NULL,
	snapshots text COLLATE "C" NOT NULL,
	customer text COLLATE "C" NOT NULL,
	PRIMARY KEY (campaign, occurrence)
);
CREATE INDEX {prefix}message_occurrences_1 ON {prefix}message_occurrences (state, due, campaign, occurrence);
CREATE INDEX {prefix}message_occurrences_2 ON {prefix}message_occurrences (campaign, state, occurrence);

CREATE TABLE {prefix}message_recipients (
	campaign text COLLATE "C" NOT NULL,
	occurrence text COLLATE "C" NOT NULL,
	customer text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	reason text COLLATE "C" NOT NULL,
	detail text COLLATE "C" NOT NULL,
	live bigint NOT NULL,
	due bigint NOT NULL,
	fence bigint NOT NULL,
	attempts bigint NOT NULL,
	step bigint NOT NULL,
	revision bigint NOT NULL,
	since bigint NOT NULL,
	updated bigint NOT NULL,
	variant text COLLATE "C" NOT NULL,
	channel text COLLATE "C" NOT NULL,
	PRIMARY KEY (campaign, occurrence, customer)
);
CREATE INDEX {prefix}message_recipients_1 ON {prefix}message_recipients (campaign, occurrence, live, due, customer);
CREATE INDEX {prefix}message_recipients_2 ON {prefix}message_recipients (campaign, customer, occurrence);

CREATE TABLE {prefix}message_deliveries (
	delivery text COLLATE "C" NOT NULL,
	campaign text COLLATE "C" NOT NULL,
	occurrence text COLLATE "C" NOT NULL,
	customer text COLLATE "C" NOT NULL,
	channel text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	address text COLLATE "C" NOT NULL,
	status text COLLATE "C" NOT NULL,
	failure text COLLATE "C" NOT NULL,
	provider text COLLATE "C" NOT NULL,
	variant text COLLATE "C" NOT NULL,
	coupon text COLLATE "C" NOT NULL,
	subject text COLLATE "C" NOT NULL,
	body text COLLATE "C" NOT NULL,
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
CREATE INDEX {prefix}message_deliveries_1 ON {prefix}message_deliveries (customer, submitted, delivery);
CREATE INDEX {prefix}message_deliveries_2 ON {prefix}message_deliveries (campaign, customer, delivery);
CREATE INDEX {prefix}message_deliveries_3 ON {prefix}message_deliveries (campaign, occurrence, address, delivery);
CREATE INDEX {prefix}message_deliveries_4 ON {prefix}message_deliveries (provider, delivery);

CREATE TABLE {prefix}message_counters (
	name text COLLATE "C" NOT NULL,
	value bigint NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE {prefix}message_consents (
	customer text COLLATE "C" NOT NULL,
	seq bigint NOT NULL,
	channel text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	granted bigint NOT NULL,
	at bigint NOT NULL,
	recorded bigint NOT NULL,
	wording text COLLATE "C" NOT NULL,
	evidence text COLLATE "C" NOT NULL,
	source text COLLATE "C" NOT NULL,
	PRIMARY KEY (customer, seq)
);

CREATE TABLE {prefix}message_credits (
	seq bigint NOT NULL,
	kind text COLLATE "C" NOT NULL,
	ref text COLLATE "C" NOT NULL,
	amount bigint NOT NULL,
	left_over bigint NOT NULL,
	at bigint NOT NULL,
	PRIMARY KEY (seq)
);

CREATE TABLE {prefix}message_orders (
	order_id text COLLATE "C" NOT NULL,
	customer text COLLATE "C" NOT NULL,
	currency text COLLATE "C" NOT NULL,
	delivery text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	amount bigint NOT NULL,
	cancelled bigint NOT NULL,
	PRIMARY KEY (order_id)
);
CREATE INDEX {prefix}message_orders_1 ON {prefix}message_orders (customer, at, order_id);
CREATE INDEX {prefix}message_orders_2 ON {prefix}message_orders (delivery, order_id);

CREATE TABLE {prefix}message_duties (
	duty text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	rule_id text COLLATE "C" NOT NULL,
	customer text COLLATE "C" NOT NULL,
	channel text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	how text COLLATE "C" NOT NULL,
	granted bigint NOT NULL,
	said bigint NOT NULL,
	start_at bigint NOT NULL,
	due bigint NOT NULL,
	done bigint NOT NULL,
	stage bigint NOT NULL,
	seq bigint NOT NULL,
	PRIMARY KEY (duty)
);
CREATE INDEX {prefix}message_duties_1 ON {prefix}message_duties (stage, start_at, duty);

CREATE TABLE {prefix}message_events (
	event text COLLATE "C" NOT NULL,
	topic text COLLATE "C" NOT NULL,
	customer text COLLATE "C" NOT NULL,
	at bigint NOT NULL,
	PRIMARY KEY (event)
);
CREATE INDEX {prefix}message_events_1 ON {prefix}message_events (customer, topic, at, event);

CREATE TABLE {prefix}message_suppressions (
	channel text COLLATE "C" NOT NULL,
	address text COLLATE "C" NOT NULL,
	lifted bigint NOT NULL,
	at bigint NOT NULL,
	reason text COLLATE "C" NOT NULL,
	PRIMARY KEY (channel, address)
);

-- Locked by every transaction that writes.
INSERT INTO {prefix}message_counters (name, value) VALUES ('lock', 0);
