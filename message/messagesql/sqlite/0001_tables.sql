-- The state of package message. Times are microseconds since 1970 UTC, 0 for none.

CREATE TABLE {prefix}message_campaigns (
	campaign text NOT NULL,
	state text NOT NULL,
	reason text NOT NULL,
	definition text NOT NULL,
	holds text NOT NULL,
	topic text NOT NULL,
	revision integer NOT NULL,
	wake integer NOT NULL,
	upto integer NOT NULL,
	PRIMARY KEY (campaign)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_campaigns_1 ON {prefix}message_campaigns (wake, campaign);
CREATE INDEX {prefix}message_campaigns_2 ON {prefix}message_campaigns (topic, campaign);

CREATE TABLE {prefix}message_revisions (
	campaign text NOT NULL,
	revision integer NOT NULL,
	at integer NOT NULL,
	since integer NOT NULL,
	definition text NOT NULL,
	PRIMARY KEY (campaign, revision)
) WITHOUT ROWID;

CREATE TABLE {prefix}message_occurrences (
	campaign text NOT NULL,
	occurrence text NOT NULL,
	state text NOT NULL,
	reason text NOT NULL,
	at integer NOT NULL,
	due integer NOT NULL,
	started integer NOT NULL,
	active integer NOT NULL,
	ended integer NOT NULL,
	audience integer NOT NULL,
	failures integer NOT NULL,
	frozen integer NOT NULL,
	attempts integer NOT NULL,
	fired integer NOT NULL,
	priced integer NOT NULL,
	broke integer NOT NULL,
	reserved integer NOT NULL,
	reached text NOT NULL,
	snapshots text NOT NULL,
	customer text NOT NULL,
	PRIMARY KEY (campaign, occurrence)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_occurrences_1 ON {prefix}message_occurrences (state, due, campaign, occurrence);
CREATE INDEX {prefix}message_occurrences_2 ON {prefix}message_occurrences (campaign, state, occurrence);

CREATE TABLE {prefix}message_recipients (
	campaign text NOT NULL,
	occurrence text NOT NULL,
	customer text NOT NULL,
	state text NOT NULL,
	reason text NOT NULL,
	detail text NOT NULL,
	live integer NOT NULL,
	due integer NOT NULL,
	fence integer NOT NULL,
	attempts integer NOT NULL,
	step integer NOT NULL,
	revision integer NOT NULL,
	since integer NOT NULL,
	updated integer NOT NULL,
	variant text NOT NULL,
	channel text NOT NULL,
	PRIMARY KEY (campaign, occurrence, customer)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_recipients_1 ON {prefix}message_recipients (campaign, occurrence, live, due, customer);
CREATE INDEX {prefix}message_recipients_2 ON {prefix}message_recipients (campaign, customer, occurrence);

CREATE TABLE {prefix}message_deliveries (
	delivery text NOT NULL,
	campaign text NOT NULL,
	occurrence text NOT NULL,
	customer text NOT NULL,
	channel text NOT NULL,
	purpose text NOT NULL,
	address text NOT NULL,
	status text NOT NULL,
	failure text NOT NULL,
	provider text NOT NULL,
	variant text NOT NULL,
	coupon text NOT NULL,
	subject text NOT NULL,
	body text NOT NULL,
	revision integer NOT NULL,
	submitted integer NOT NULL,
	accepted integer NOT NULL,
	delivered integer NOT NULL,
	opened integer NOT NULL,
	clicked integer NOT NULL,
	failed integer NOT NULL,
	unsubscribed integer NOT NULL,
	cost integer NOT NULL,
	refunded integer NOT NULL,
	PRIMARY KEY (delivery)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_deliveries_1 ON {prefix}message_deliveries (customer, submitted, delivery);
CREATE INDEX {prefix}message_deliveries_2 ON {prefix}message_deliveries (campaign, customer, delivery);
CREATE INDEX {prefix}message_deliveries_3 ON {prefix}message_deliveries (campaign, occurrence, address, delivery);
CREATE INDEX {prefix}message_deliveries_4 ON {prefix}message_deliveries (provider, delivery);

CREATE TABLE {prefix}message_counters (
	name text NOT NULL,
	value integer NOT NULL,
	PRIMARY KEY (name)
) WITHOUT ROWID;

CREATE TABLE {prefix}message_consents (
	customer text NOT NULL,
	seq integer NOT NULL,
	channel text NOT NULL,
	purpose text NOT NULL,
	granted integer NOT NULL,
	at integer NOT NULL,
	recorded integer NOT NULL,
	wording text NOT NULL,
	evidence text NOT NULL,
	source text NOT NULL,
	PRIMARY KEY (customer, seq)
) WITHOUT ROWID;

CREATE TABLE {prefix}message_credits (
	seq integer NOT NULL,
	kind text NOT NULL,
	ref text NOT NULL,
	amount integer NOT NULL,
	left_over integer NOT NULL,
	at integer NOT NULL,
	PRIMARY KEY (seq)
) WITHOUT ROWID;

CREATE TABLE {prefix}message_orders (
	order_id text NOT NULL,
	customer text NOT NULL,
	currency text NOT NULL,
	delivery text NOT NULL,
	at integer NOT NULL,
	amount integer NOT NULL,
	cancelled integer NOT NULL,
	PRIMARY KEY (order_id)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_orders_1 ON {prefix}message_orders (customer, at, order_id);
CREATE INDEX {prefix}message_orders_2 ON {prefix}message_orders (delivery, order_id);

CREATE TABLE {prefix}message_duties (
	duty text NOT NULL,
	kind text NOT NULL,
	rule_id text NOT NULL,
	customer text NOT NULL,
	channel text NOT NULL,
	purpose text NOT NULL,
	how text NOT NULL,
	granted integer NOT NULL,
	said integer NOT NULL,
	start_at integer NOT NULL,
	due integer NOT NULL,
	done integer NOT NULL,
	stage integer NOT NULL,
	seq integer NOT NULL,
	PRIMARY KEY (duty)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_duties_1 ON {prefix}message_duties (stage, start_at, duty);

CREATE TABLE {prefix}message_events (
	event text NOT NULL,
	topic text NOT NULL,
	customer text NOT NULL,
	at integer NOT NULL,
	PRIMARY KEY (event)
) WITHOUT ROWID;
CREATE INDEX {prefix}message_events_1 ON {prefix}message_events (customer, topic, at, event);

CREATE TABLE {prefix}message_suppressions (
	channel text NOT NULL,
	address text NOT NULL,
	lifted integer NOT NULL,
	at integer NOT NULL,
	reason text NOT NULL,
	PRIMARY KEY (channel, address)
) WITHOUT ROWID;

-- Locked by every transaction that writes.
INSERT INTO {prefix}message_counters (name, value) VALUES ('lock', 0);
