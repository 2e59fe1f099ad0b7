CREATE TABLE dangol_migrations (service varchar(64) NOT NULL, version integer NOT NULL, name varchar(128) NOT NULL, checksum varchar(64) NOT NULL, PRIMARY KEY (service, version));
CREATE TABLE dangol_segment_counters (
  name text PRIMARY KEY,
  value integer NOT NULL
) WITHOUT ROWID;
INSERT INTO dangol_segment_counters VALUES ('update', 0), ('version', 0), ('act', 0);
CREATE TABLE dangol_segment_groups (
  id text PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL,
  scope text NOT NULL,
  status text NOT NULL,
  version integer NOT NULL,
  members integer NOT NULL,
  as_of integer NOT NULL,
  due integer NOT NULL,
  body text NOT NULL
) WITHOUT ROWID;
CREATE TABLE dangol_segment_rules (
  group_id text NOT NULL,
  version integer NOT NULL,
  rule text NOT NULL,
  saved integer NOT NULL,
  saved_by text NOT NULL,
  PRIMARY KEY (group_id, version)
) WITHOUT ROWID;
CREATE TABLE dangol_segment_uses (
  group_id text NOT NULL,
  used_by text NOT NULL,
  kind text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (group_id, used_by, kind, id)
) WITHOUT ROWID;
CREATE TABLE dangol_segment_entries (
  group_id text NOT NULL,
  customer text NOT NULL,
  mark text NOT NULL,
  reason text NOT NULL,
  marked_by text NOT NULL,
  marked integer NOT NULL,
  PRIMARY KEY (group_id, customer)
) WITHOUT ROWID;
CREATE TABLE dangol_segment_versions (
  group_id text NOT NULL,
  version integer NOT NULL,
  seq integer NOT NULL,
  as_of integer NOT NULL,
  read_at integer NOT NULL,
  valid_from integer NOT NULL,
  recorded integer NOT NULL,
  members integer NOT NULL,
  entered integer NOT NULL,
  gone integer NOT NULL,
  rule integer NOT NULL,
  cause text NOT NULL,
  PRIMARY KEY (group_id, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX dangol_segment_versions_seq ON dangol_segment_versions (seq);
CREATE TABLE dangol_segment_memberships (
  group_id text NOT NULL,
  customer text NOT NULL,
  from_version integer NOT NULL,
  to_version integer NOT NULL,
  why text NOT NULL,
  note text NOT NULL,
  who text NOT NULL,
  left_why text NOT NULL,
  left_note text NOT NULL,
  left_who text NOT NULL,
  PRIMARY KEY (group_id, customer, from_version)
) WITHOUT ROWID;
CREATE INDEX dangol_segment_memberships_customer ON dangol_segment_memberships (customer, group_id, from_version);
CREATE INDEX dangol_segment_memberships_began ON dangol_segment_memberships (group_id, from_version, customer);
CREATE INDEX dangol_segment_memberships_ended ON dangol_segment_memberships (group_id, to_version, customer);
CREATE TABLE dangol_segment_trail (
  seq integer PRIMARY KEY,
  at integer NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  group_id text NOT NULL,
  what text NOT NULL,
  detail text NOT NULL
);
INSERT INTO dangol_migrations VALUES ('segment', 1, 'groups', 'bd824e9d7db5ef6dbb19736bb26f6eb91bc7061a201c8d500119e65bb24c7ce9');
CREATE TABLE dangol_coupon_definitions (
	id            text    NOT NULL PRIMARY KEY,
	version       integer NOT NULL,
	kind          text    NOT NULL,
	auto_group    text    NOT NULL,
	auto_event    text    NOT NULL,
	stop_issuing  integer NOT NULL,
	stop_using    integer NOT NULL
) WITHOUT ROWID;
CREATE TABLE dangol_coupon_versions (
	id      text    NOT NULL REFERENCES dangol_coupon_definitions (id),
	version integer NOT NULL,
	body    text    NOT NULL,
	PRIMARY KEY (id, version)
) WITHOUT ROWID;
CREATE TABLE dangol_coupon_grants (
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
	FOREIGN KEY (definition, version) REFERENCES dangol_coupon_versions (id, version)
) WITHOUT ROWID;
CREATE INDEX dangol_coupon_grants_customer ON dangol_coupon_grants (customer, id) WHERE customer <> '';
CREATE INDEX dangol_coupon_grants_batch ON dangol_coupon_grants (batch, id) WHERE batch <> '';
CREATE INDEX dangol_coupon_grants_definition ON dangol_coupon_grants (definition, id);
CREATE INDEX dangol_coupon_grants_expires ON dangol_coupon_grants (expires) WHERE used IS NULL AND revoked IS NULL;
CREATE TABLE dangol_coupon_batches (
	id         text    NOT NULL PRIMARY KEY,
	definition text    NOT NULL,
	version    integer NOT NULL,
	codes      integer NOT NULL,
	done       integer NOT NULL,
	campaign   text    NOT NULL,
	created    integer NOT NULL,
	rev        integer NOT NULL
) WITHOUT ROWID;
CREATE TABLE dangol_coupon_redemptions (
	redemption  text    NOT NULL PRIMARY KEY,
	state       text    NOT NULL,
	customer    text    NOT NULL,
	definitions text    NOT NULL,
	ends        integer,
	body        text    NOT NULL,
	rev         integer NOT NULL
) WITHOUT ROWID;
CREATE INDEX dangol_coupon_redemptions_ends ON dangol_coupon_redemptions (ends) WHERE state = 'reserved';
CREATE INDEX dangol_coupon_redemptions_customer ON dangol_coupon_redemptions (customer) WHERE customer <> '';
CREATE TABLE dangol_coupon_ledger (
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
CREATE INDEX dangol_coupon_ledger_definition ON dangol_coupon_ledger (definition, seq);
CREATE TABLE dangol_coupon_counters (
	definition text    NOT NULL,
	kind       text    NOT NULL,
	subject    text    NOT NULL,
	period     text    NOT NULL,
	uses       integer NOT NULL CHECK (uses >= 0),
	amount     integer NOT NULL CHECK (amount >= 0),
	PRIMARY KEY (definition, kind, subject, period)
) WITHOUT ROWID;
INSERT INTO dangol_migrations VALUES ('coupon', 1, 'tables', '464c78d8b24b66050a6c97201b4be0ef03e5f50b56aa4f1dd8a87da0919017b3');
CREATE TABLE dangol_message_campaigns (
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
CREATE INDEX dangol_message_campaigns_1 ON dangol_message_campaigns (wake, campaign);
CREATE INDEX dangol_message_campaigns_2 ON dangol_message_campaigns (topic, campaign);
CREATE TABLE dangol_message_revisions (
	campaign text NOT NULL,
	revision integer NOT NULL,
	at integer NOT NULL,
	since integer NOT NULL,
	definition text NOT NULL,
	PRIMARY KEY (campaign, revision)
) WITHOUT ROWID;
CREATE TABLE dangol_message_occurrences (
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
CREATE INDEX dangol_message_occurrences_1 ON dangol_message_occurrences (state, due, campaign, occurrence);
CREATE INDEX dangol_message_occurrences_2 ON dangol_message_occurrences (campaign, state, occurrence);
CREATE TABLE dangol_message_recipients (
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
CREATE INDEX dangol_message_recipients_1 ON dangol_message_recipients (campaign, occurrence, live, due, customer);
CREATE INDEX dangol_message_recipients_2 ON dangol_message_recipients (campaign, customer, occurrence);
CREATE TABLE dangol_message_deliveries (
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
CREATE INDEX dangol_message_deliveries_1 ON dangol_message_deliveries (customer, submitted, delivery);
CREATE INDEX dangol_message_deliveries_2 ON dangol_message_deliveries (campaign, customer, delivery);
CREATE INDEX dangol_message_deliveries_3 ON dangol_message_deliveries (campaign, occurrence, address, delivery);
CREATE INDEX dangol_message_deliveries_4 ON dangol_message_deliveries (provider, delivery);
CREATE TABLE dangol_message_counters (
	name text NOT NULL,
	value integer NOT NULL,
	PRIMARY KEY (name)
) WITHOUT ROWID;
CREATE TABLE dangol_message_consents (
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
CREATE TABLE dangol_message_credits (
	seq integer NOT NULL,
	kind text NOT NULL,
	ref text NOT NULL,
	amount integer NOT NULL,
	left_over integer NOT NULL,
	at integer NOT NULL,
	PRIMARY KEY (seq)
) WITHOUT ROWID;
CREATE TABLE dangol_message_orders (
	order_id text NOT NULL,
	customer text NOT NULL,
	currency text NOT NULL,
	delivery text NOT NULL,
	at integer NOT NULL,
	amount integer NOT NULL,
	cancelled integer NOT NULL,
	PRIMARY KEY (order_id)
) WITHOUT ROWID;
CREATE INDEX dangol_message_orders_1 ON dangol_message_orders (customer, at, order_id);
CREATE INDEX dangol_message_orders_2 ON dangol_message_orders (delivery, order_id);
CREATE TABLE dangol_message_duties (
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
CREATE INDEX dangol_message_duties_1 ON dangol_message_duties (stage, start_at, duty);
CREATE TABLE dangol_message_events (
	event text NOT NULL,
	topic text NOT NULL,
	customer text NOT NULL,
	at integer NOT NULL,
	PRIMARY KEY (event)
) WITHOUT ROWID;
CREATE INDEX dangol_message_events_1 ON dangol_message_events (customer, topic, at, event);
CREATE TABLE dangol_message_suppressions (
	channel text NOT NULL,
	address text NOT NULL,
	lifted integer NOT NULL,
	at integer NOT NULL,
	reason text NOT NULL,
	PRIMARY KEY (channel, address)
) WITHOUT ROWID;
INSERT INTO dangol_message_counters (name, value) VALUES ('lock', 0);
INSERT INTO dangol_migrations VALUES ('message', 1, 'tables', '5910817107063fb67c34f7f020f5b72e1054b285d5d4ec48bb08f006583a78f7');
DELETE FROM dangol_segment_counters;
INSERT INTO dangol_segment_counters (name, value) VALUES ('act', 5);
INSERT INTO dangol_segment_counters (name, value) VALUES ('update', 8);
INSERT INTO dangol_segment_counters (name, value) VALUES ('version', 4);
INSERT INTO dangol_segment_groups (id, name, kind, scope, status, version, members, as_of, due, body) VALUES ('new', 'new', 'dynamic', 'members', 'active', 1, 3, 1772409600000000, 1772496000000000, '{"ID":"new","Name":"new","Description":"","Kind":"dynamic","Scope":"members","Rule":"joined within 7d","Schedule":{},"Starts":"2026-03-02T00:00:00Z","Ends":"0001-01-01T00:00:00Z","Contact":{"Name":"","Info":""},"Pricing":false,"PricingIn":null,"Purposes":["cart price rule","dynamic block","related products"],"RuleVersion":1,"Status":"active","Created":"2026-03-02T01:00:00Z","Edited":"2026-03-02T01:00:00Z","Version":1,"Count":3,"AsOf":"2026-03-02T00:00:00Z","ReadAt":"2026-03-02T01:00:00Z","RefreshedAt":"2026-03-02T01:00:00Z","Exact":true,"Current":null,"Cuts":null,"Kept":1,"Due":"2026-03-03T00:00:00Z","FailedAt":"0001-01-01T00:00:00Z","Failure":"","Lease":{"Owner":"","Until":"0001-01-01T00:00:00Z"},"Fence":2,"Asked":0,"Promotions":null,"Uses":null}');
INSERT INTO dangol_segment_groups (id, name, kind, scope, status, version, members, as_of, due, body) VALUES ('vip', 'vip', 'static', 'members', 'active', 3, 2, 1772413200000000, 0, '{"ID":"vip","Name":"vip","Description":"","Kind":"static","Scope":"members","Rule":"","Schedule":{},"Starts":"2026-03-02T00:00:00Z","Ends":"0001-01-01T00:00:00Z","Contact":{"Name":"","Info":""},"Pricing":false,"PricingIn":null,"Purposes":["cart price rule","catalog price rule","category permission","invitation","reward rate","tier price"],"RuleVersion":0,"Status":"active","Created":"2026-03-02T01:00:00Z","Edited":"2026-03-02T01:00:00Z","Version":3,"Count":2,"AsOf":"2026-03-02T01:00:00Z","ReadAt":"2026-03-02T01:00:00Z","RefreshedAt":"2026-03-02T01:00:00Z","Exact":true,"Current":null,"Cuts":null,"Kept":1,"Due":"0001-01-01T00:00:00Z","FailedAt":"0001-01-01T00:00:00Z","Failure":"","Lease":{"Owner":"","Until":"0001-01-01T00:00:00Z"},"Fence":3,"Asked":0,"Promotions":null,"Uses":null}');
INSERT INTO dangol_segment_rules (group_id, version, rule, saved, saved_by) VALUES ('new', 1, 'joined within 7d', 1772413200000000, '');
INSERT INTO dangol_segment_entries (group_id, customer, mark, reason, marked_by, marked) VALUES ('new', 'ann', 'in', 'our friend ann', '', 1772413200000000);
INSERT INTO dangol_segment_entries (group_id, customer, mark, reason, marked_by, marked) VALUES ('vip', 'bob', 'listed', 'they asked', '', 1772413200000000);
INSERT INTO dangol_segment_entries (group_id, customer, mark, reason, marked_by, marked) VALUES ('vip', 'cho', 'listed', 'they asked', '', 1772413200000000);
INSERT INTO dangol_segment_versions (group_id, version, seq, as_of, read_at, valid_from, recorded, members, entered, gone, rule, cause) VALUES ('new', 1, 1, 1772409600000000, 1772413200000000, 1772413200000000, 1772413200000000, 3, 3, 0, 1, 'created');
INSERT INTO dangol_segment_versions (group_id, version, seq, as_of, read_at, valid_from, recorded, members, entered, gone, rule, cause) VALUES ('vip', 1, 2, 1772413200000000, 1772413200000000, 1772413200000000, 1772413200000000, 0, 0, 0, 0, 'created');
INSERT INTO dangol_segment_versions (group_id, version, seq, as_of, read_at, valid_from, recorded, members, entered, gone, rule, cause) VALUES ('vip', 2, 3, 1772413200000000, 1772413200000000, 1772413200000000, 1772413200000000, 3, 3, 0, 0, 'by hand');
INSERT INTO dangol_segment_versions (group_id, version, seq, as_of, read_at, valid_from, recorded, members, entered, gone, rule, cause) VALUES ('vip', 3, 4, 1772413200000000, 1772413200000000, 1772413200000000, 1772413200000000, 2, 0, 1, 0, 'by hand');
INSERT INTO dangol_segment_memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ('new', 'ann', 1, 0, 'rule', '', '', '', '', '');
INSERT INTO dangol_segment_memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ('new', 'bob', 1, 0, 'rule', '', '', '', '', '');
INSERT INTO dangol_segment_memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ('new', 'cho', 1, 0, 'rule', '', '', '', '', '');
INSERT INTO dangol_segment_memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ('vip', 'ann', 2, 3, 'list', 'they asked', '', 'list', 'ann asked', '');
INSERT INTO dangol_segment_memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ('vip', 'bob', 2, 0, 'list', 'they asked', '', '', '', '');
INSERT INTO dangol_segment_memberships (group_id, customer, from_version, to_version, why, note, who, left_why, left_note, left_who) VALUES ('vip', 'cho', 2, 0, 'list', 'they asked', '', '', '', '');
INSERT INTO dangol_segment_trail (seq, at, actor, action, group_id, what, detail) VALUES (1, 1772413200000000, '', 'edit', 'new', 'create', '3 members');
INSERT INTO dangol_segment_trail (seq, at, actor, action, group_id, what, detail) VALUES (2, 1772413200000000, '', 'edit', 'vip', 'create', '0 members');
INSERT INTO dangol_segment_trail (seq, at, actor, action, group_id, what, detail) VALUES (3, 1772413200000000, '', 'members', 'vip', 'add', '3 customers');
INSERT INTO dangol_segment_trail (seq, at, actor, action, group_id, what, detail) VALUES (4, 1772413200000000, '', 'members', 'vip', 'remove', '1 customers');
INSERT INTO dangol_segment_trail (seq, at, actor, action, group_id, what, detail) VALUES (5, 1772413200000000, '', 'members', 'new', 'pin in', '1 customers');
INSERT INTO dangol_coupon_definitions (id, version, kind, auto_group, auto_event, stop_issuing, stop_using) VALUES ('welcome', 1, 'coupon', '', '', 0, 0);
INSERT INTO dangol_coupon_versions (id, version, body) VALUES ('welcome', 1, '{"ID":"welcome","Version":1,"Name":"Welcome","Kind":"coupon","Currency":"KRW","Zone":"UTC","Discount":{"Amount":1000,"Rate":0,"Max":0,"Unit":1,"Shipping":false},"Minimum":{"Amount":0,"OfTargets":false},"Targets":{"Products":null,"Categories":null,"NotProducts":null,"NotCategories":null},"Channels":null,"Stores":null,"Validity":{"From":"0001-01-01T00:00:00Z","Until":"0001-01-01T00:00:00Z","Days":0,"Convention":"after-issue","ToMonthEnd":false},"Limits":[{"Uses":2,"Amount":0,"Customer":true,"Period":""},{"Uses":1000,"Amount":0,"Customer":false,"Period":""}],"IssueLimits":[{"Uses":5,"Amount":0,"Customer":true,"Period":""}],"Audience":null,"Automatic":{"Group":"","Event":""},"Restore":{"When":"full-cancel","GraceDays":0},"Stacking":{"Group":"","Exclusive":false,"Priority":0},"Campaign":""}');
INSERT INTO dangol_coupon_grants (id, definition, version, code, customer, shared, issue_key, batch, campaign, grp, issued, starts, expires, revoked, used, order_id, discount, rev) VALUES ('g_1jc00djws00e0kh9h8j2ydyq0h', 'welcome', 1, 'YDRSYT4MESEWK1QG', 'ann', 0, 'w0', '', '', '', 1772413200000000, 1772413200000000, NULL, NULL, 1772413200000000, 'order-0', 1000, 0);
INSERT INTO dangol_coupon_grants (id, definition, version, code, customer, shared, issue_key, batch, campaign, grp, issued, starts, expires, revoked, used, order_id, discount, rev) VALUES ('g_1jc00djws00pa4tx136r0fq6y0', 'welcome', 1, '2XYNZNKB6N3QX9HM', 'cho', 0, 'w2', '', '', '', 1772413200000000, 1772413200000000, NULL, NULL, 1772413200000000, 'order-2', 1000, 0);
INSERT INTO dangol_coupon_grants (id, definition, version, code, customer, shared, issue_key, batch, campaign, grp, issued, starts, expires, revoked, used, order_id, discount, rev) VALUES ('g_1jc00djws00w2q8np5zbz7f8n1', 'welcome', 1, '83MMPNT5JHDW4WD5', 'bob', 0, 'w1', '', '', '', 1772413200000000, 1772413200000000, NULL, NULL, 1772413200000000, 'order-1', 1000, 0);
INSERT INTO dangol_coupon_redemptions (redemption, state, customer, definitions, ends, body, rev) VALUES ('order-0', 'committed', 'ann', '/welcome/', 1772415000000000, '{"Key":"order-0","State":"committed","Customer":"","Currency":"KRW","Discount":1000,"Lines":[{"Line":"1","Quantity":1,"Before":5000,"Discount":1000},{"Line":"shipping","Quantity":1,"Before":0,"Discount":0}],"Uses":[{"Definition":"welcome","Version":1,"Name":"Welcome","Grant":"g_1jc00djws00e0kh9h8j2ydyq0h","Shared":false,"Campaign":"","Group":"","Discount":1000,"Shares":[{"Line":"1","Amount":1000}],"Restored":"0001-01-01T00:00:00Z","RestoredFor":""}],"Order":"order-0","At":"2026-03-02T01:00:00Z","Reserved":"2026-03-02T01:00:00Z","Expires":"2026-03-02T01:30:00Z","Committed":"2026-03-02T01:00:00Z","Ended":"0001-01-01T00:00:00Z","Cancelled":"0001-01-01T00:00:00Z","Request":"6751e685d7347e4a2d399b9552f2c7db","Rev":0}', 1);
INSERT INTO dangol_coupon_redemptions (redemption, state, customer, definitions, ends, body, rev) VALUES ('order-1', 'committed', 'bob', '/welcome/', 1772415000000000, '{"Key":"order-1","State":"committed","Customer":"","Currency":"KRW","Discount":1000,"Lines":[{"Line":"1","Quantity":1,"Before":5000,"Discount":1000},{"Line":"shipping","Quantity":1,"Before":0,"Discount":0}],"Uses":[{"Definition":"welcome","Version":1,"Name":"Welcome","Grant":"g_1jc00djws00w2q8np5zbz7f8n1","Shared":false,"Campaign":"","Group":"","Discount":1000,"Shares":[{"Line":"1","Amount":1000}],"Restored":"0001-01-01T00:00:00Z","RestoredFor":""}],"Order":"order-1","At":"2026-03-02T01:00:00Z","Reserved":"2026-03-02T01:00:00Z","Expires":"2026-03-02T01:30:00Z","Committed":"2026-03-02T01:00:00Z","Ended":"0001-01-01T00:00:00Z","Cancelled":"0001-01-01T00:00:00Z","Request":"9113ef8038f50693e8adc9ed8f3d96f2","Rev":0}', 1);
INSERT INTO dangol_coupon_redemptions (redemption, state, customer, definitions, ends, body, rev) VALUES ('order-2', 'committed', 'cho', '/welcome/', 1772415000000000, '{"Key":"order-2","State":"committed","Customer":"","Currency":"KRW","Discount":1000,"Lines":[{"Line":"1","Quantity":1,"Before":5000,"Discount":1000},{"Line":"shipping","Quantity":1,"Before":0,"Discount":0}],"Uses":[{"Definition":"welcome","Version":1,"Name":"Welcome","Grant":"g_1jc00djws00pa4tx136r0fq6y0","Shared":false,"Campaign":"","Group":"","Discount":1000,"Shares":[{"Line":"1","Amount":1000}],"Restored":"0001-01-01T00:00:00Z","RestoredFor":""}],"Order":"order-2","At":"2026-03-02T01:00:00Z","Reserved":"2026-03-02T01:00:00Z","Expires":"2026-03-02T01:30:00Z","Committed":"2026-03-02T01:00:00Z","Ended":"0001-01-01T00:00:00Z","Cancelled":"0001-01-01T00:00:00Z","Request":"0dc0d42ae43ee0ab3db86bd1f39a4bbd","Rev":0}', 1);
INSERT INTO dangol_coupon_ledger (seq, redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid) VALUES (1, 'order-0', 'reserve', 1772413200000000, 1772413200000000, 'welcome', 1, 'g_1jc00djws00e0kh9h8j2ydyq0h', 0, 'ann', '', '', '', 1000, 0);
INSERT INTO dangol_coupon_ledger (seq, redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid) VALUES (2, 'order-0', 'commit', 1772413200000000, 1772413200000000, 'welcome', 1, 'g_1jc00djws00e0kh9h8j2ydyq0h', 0, 'ann', '', '', 'order-0', 1000, 4000);
INSERT INTO dangol_coupon_ledger (seq, redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid) VALUES (3, 'order-1', 'reserve', 1772413200000000, 1772413200000000, 'welcome', 1, 'g_1jc00djws00w2q8np5zbz7f8n1', 0, 'bob', '', '', '', 1000, 0);
INSERT INTO dangol_coupon_ledger (seq, redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid) VALUES (4, 'order-1', 'commit', 1772413200000000, 1772413200000000, 'welcome', 1, 'g_1jc00djws00w2q8np5zbz7f8n1', 0, 'bob', '', '', 'order-1', 1000, 4000);
INSERT INTO dangol_coupon_ledger (seq, redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid) VALUES (5, 'order-2', 'reserve', 1772413200000000, 1772413200000000, 'welcome', 1, 'g_1jc00djws00pa4tx136r0fq6y0', 0, 'cho', '', '', '', 1000, 0);
INSERT INTO dangol_coupon_ledger (seq, redemption, event, at, counted, definition, version, grant_id, shared, customer, campaign, grp, order_id, discount, paid) VALUES (6, 'order-2', 'commit', 1772413200000000, 1772413200000000, 'welcome', 1, 'g_1jc00djws00pa4tx136r0fq6y0', 0, 'cho', '', '', 'order-2', 1000, 4000);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'grant', 'g_1jc00djws00e0kh9h8j2ydyq0h', '', 1, 0);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'grant', 'g_1jc00djws00pa4tx136r0fq6y0', '', 1, 0);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'grant', 'g_1jc00djws00w2q8np5zbz7f8n1', '', 1, 0);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'issue', 'ann', '', 1, 0);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'issue', 'bob', '', 1, 0);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'issue', 'cho', '', 1, 0);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'use', '', '', 3, 3000);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'use', 'ann', '', 1, 1000);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'use', 'bob', '', 1, 1000);
INSERT INTO dangol_coupon_counters (definition, kind, subject, period, uses, amount) VALUES ('welcome', 'use', 'cho', '', 1, 1000);
INSERT INTO dangol_message_campaigns (campaign, state, reason, definition, holds, topic, revision, wake, upto) VALUES ('cart', 'scheduled', '', '{"id":"cart","name":"Cart","purpose":"advertising","country":"KR","trigger":{"on":"record","record":"cart","delay":3600000000000},"contents":[{"channel":"sms","text":"{{.name}}님, 쿠폰을 드려요."}],"lateness":3600000000000,"allowLMS":true}', '', 'record/cart', 1, 0, -62135596800000001);
INSERT INTO dangol_message_campaigns (campaign, state, reason, definition, holds, topic, revision, wake, upto) VALUES ('hello', 'done', '', '{"id":"hello","name":"Hello","purpose":"advertising","country":"KR","groups":["new"],"schedule":{"start":"2026-03-02T01:00:00Z","zone":"Asia/Seoul"},"contents":[{"channel":"sms","text":"{{.name}}님, 쿠폰을 드려요."}],"lateness":3600000000000,"allowLMS":true}', '', '', 1, 0, 1772413200000000);
INSERT INTO dangol_message_revisions (campaign, revision, at, since, definition) VALUES ('cart', 1, 1772413200000000, -62135596800000001, '{"id":"cart","name":"Cart","purpose":"advertising","country":"KR","trigger":{"on":"record","record":"cart","delay":3600000000000},"contents":[{"channel":"sms","text":"{{.name}}님, 쿠폰을 드려요."}],"lateness":3600000000000,"allowLMS":true}');
INSERT INTO dangol_message_revisions (campaign, revision, at, since, definition) VALUES ('hello', 1, 1772413200000000, 1772413199999999, '{"id":"hello","name":"Hello","purpose":"advertising","country":"KR","groups":["new"],"schedule":{"start":"2026-03-02T01:00:00Z","zone":"Asia/Seoul"},"contents":[{"channel":"sms","text":"{{.name}}님, 쿠폰을 드려요."}],"lateness":3600000000000,"allowLMS":true}');
INSERT INTO dangol_message_occurrences (campaign, occurrence, state, reason, at, due, started, active, ended, audience, failures, frozen, attempts, fired, priced, broke, reserved, reached, snapshots, customer) VALUES ('cart', 'record/cart/1f2d222662c7d81b2013f9146f10eabe', 'planned', '', 1772416800000000, 1772416800000000, 0, 0, 0, 0, 0, 0, 0, 1772413200000000, 0, 0, 0, '', '', 'bob');
INSERT INTO dangol_message_occurrences (campaign, occurrence, state, reason, at, due, started, active, ended, audience, failures, frozen, attempts, fired, priced, broke, reserved, reached, snapshots, customer) VALUES ('cart', 'record/cart/7e29c2738970690948230dff5feea1a0', 'planned', '', 1772416800000000, 1772416800000000, 0, 0, 0, 0, 0, 0, 0, 1772413200000000, 0, 0, 0, '', '', 'ann');
INSERT INTO dangol_message_occurrences (campaign, occurrence, state, reason, at, due, started, active, ended, audience, failures, frozen, attempts, fired, priced, broke, reserved, reached, snapshots, customer) VALUES ('cart', 'record/cart/fe5d29f36def064f229c2ffae2494368', 'planned', '', 1772416800000000, 1772416800000000, 0, 0, 0, 0, 0, 0, 0, 1772413200000000, 0, 0, 0, '', '', 'cho');
INSERT INTO dangol_message_occurrences (campaign, occurrence, state, reason, at, due, started, active, ended, audience, failures, frozen, attempts, fired, priced, broke, reserved, reached, snapshots, customer) VALUES ('hello', '2026-03-02T10:00:00', 'completed with failures', '', 1772413200000000, 1772413200000000, 1772413200000000, 1772413200000000, 1772413200000000, 3, 1, 1, 0, 0, 1, 0, 0, '', '{"in":[{"Group":"new","Version":1,"AsOf":"2026-03-02T00:00:00Z","Count":3}]}', '');
INSERT INTO dangol_message_recipients (campaign, occurrence, customer, state, reason, detail, live, due, fence, attempts, step, revision, since, updated, variant, channel) VALUES ('hello', '2026-03-02T10:00:00', 'ann', 'submitted', '', 'kr.consent: granted 2026-03-02 10:00:00 +09:00, wording "v1"
kr.night: 2026-03-02 10:00:00 +09:00 is allowed', 0, 0, 0, 0, 0, 1, 1772413200000000, 1772413200000000, '', 'sms');
INSERT INTO dangol_message_recipients (campaign, occurrence, customer, state, reason, detail, live, due, fence, attempts, step, revision, since, updated, variant, channel) VALUES ('hello', '2026-03-02T10:00:00', 'bob', 'submitted', '', 'kr.consent: granted 2026-03-02 10:00:00 +09:00, wording "v1"
kr.night: 2026-03-02 10:00:00 +09:00 is allowed', 0, 0, 0, 0, 0, 1, 1772413200000000, 1772413200000000, '', 'sms');
INSERT INTO dangol_message_recipients (campaign, occurrence, customer, state, reason, detail, live, due, fence, attempts, step, revision, since, updated, variant, channel) VALUES ('hello', '2026-03-02T10:00:00', 'cho', 'failed', 'rejected by the provider', 'kr.consent: granted 2026-03-02 10:00:00 +09:00, wording "v1"
kr.night: 2026-03-02 10:00:00 +09:00 is allowed
submit on sms: message: the provider refused the message: 010-cho does not exist', 0, 0, 9010698136425875895, 0, 0, 1, 1772413200000000, 1772413200000000, '', 'sms');
INSERT INTO dangol_message_deliveries (delivery, campaign, occurrence, customer, channel, purpose, address, status, failure, provider, variant, coupon, subject, body, revision, submitted, accepted, delivered, opened, clicked, failed, unsubscribed, cost, refunded) VALUES ('79683b0689a5fc75261736ccca927672', 'hello', '2026-03-02T10:00:00', 'ann', 'sms', 'advertising', '010-ann', 'delivered', '', 'p-79683b0689a5fc75261736ccca927672', '', '', '', '(광고) 손님 ann님, 쿠폰을 드려요.

단골 02-123-4567
무료거부 0801234567', 1, 1772413200000000, 1772413200000000, 0, 0, 1772413200000000, 0, 0, 1, 0);
INSERT INTO dangol_message_deliveries (delivery, campaign, occurrence, customer, channel, purpose, address, status, failure, provider, variant, coupon, subject, body, revision, submitted, accepted, delivered, opened, clicked, failed, unsubscribed, cost, refunded) VALUES ('c1f3415d386885b08417d8f5df5d7ccc', 'hello', '2026-03-02T10:00:00', 'bob', 'sms', 'advertising', '010-bob', 'delivered', '', 'p-c1f3415d386885b08417d8f5df5d7ccc', '', '', '', '(광고) 손님 bob님, 쿠폰을 드려요.

단골 02-123-4567
무료거부 0801234567', 1, 1772413200000000, 1772413200000000, 0, 0, 1772413200000000, 0, 0, 1, 0);
INSERT INTO dangol_message_deliveries (delivery, campaign, occurrence, customer, channel, purpose, address, status, failure, provider, variant, coupon, subject, body, revision, submitted, accepted, delivered, opened, clicked, failed, unsubscribed, cost, refunded) VALUES ('ec1d61f0e2009b5dac413be8bd4c65e3', 'hello', '2026-03-02T10:00:00', 'cho', 'sms', 'advertising', '010-cho', 'failed', 'message: the provider refused the message: 010-cho does not exist', '', '', '', '', '(광고) 손님 cho님, 쿠폰을 드려요.

단골 02-123-4567
무료거부 0801234567', 1, 1772413200000000, 0, 0, 0, 0, 1772413200000000, 0, 1, 1);
DELETE FROM dangol_message_counters;
INSERT INTO dangol_message_counters (name, value) VALUES ('credit/available', 998);
INSERT INTO dangol_message_counters (name, value) VALUES ('credit/lines', 7);
INSERT INTO dangol_message_counters (name, value) VALUES ('credit/reserved', 0);
INSERT INTO dangol_message_counters (name, value) VALUES ('credit/spent', 2);
INSERT INTO dangol_message_counters (name, value) VALUES ('lock', 0);
INSERT INTO dangol_message_counters (name, value) VALUES ('topup/first', 1000);
INSERT INTO dangol_message_consents (customer, seq, channel, purpose, granted, at, recorded, wording, evidence, source) VALUES ('ann', 1, '', 'advertising', 1, 1772413200000000, 1772413200000000, 'v1', 'form of ann', '');
INSERT INTO dangol_message_consents (customer, seq, channel, purpose, granted, at, recorded, wording, evidence, source) VALUES ('bob', 1, '', 'advertising', 1, 1772413200000000, 1772413200000000, 'v1', 'form of bob', '');
INSERT INTO dangol_message_consents (customer, seq, channel, purpose, granted, at, recorded, wording, evidence, source) VALUES ('cho', 1, '', 'advertising', 1, 1772413200000000, 1772413200000000, 'v1', 'form of cho', '');
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (1, 'top-up', 'first', 1000, 1000, 1772413200000000);
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (2, 'reserve', 'hello/2026-03-02T10:00:00', 3, 997, 1772413200000000);
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (3, 'spend', '79683b0689a5fc75261736ccca927672', 1, 997, 1772413200000000);
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (4, 'spend', 'c1f3415d386885b08417d8f5df5d7ccc', 1, 997, 1772413200000000);
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (5, 'spend', 'ec1d61f0e2009b5dac413be8bd4c65e3', 1, 997, 1772413200000000);
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (6, 'refund', 'ec1d61f0e2009b5dac413be8bd4c65e3', 1, 997, 1772413200000000);
INSERT INTO dangol_message_credits (seq, kind, ref, amount, left_over, at) VALUES (7, 'release', 'hello/2026-03-02T10:00:00', 1, 998, 1772413200000000);
INSERT INTO dangol_message_orders (order_id, customer, currency, delivery, at, amount, cancelled) VALUES ('o0', 'ann', 'KRW', '79683b0689a5fc75261736ccca927672', 1772413200000000, 5000, 0);
INSERT INTO dangol_message_orders (order_id, customer, currency, delivery, at, amount, cancelled) VALUES ('o1', 'bob', 'KRW', 'c1f3415d386885b08417d8f5df5d7ccc', 1772413200000000, 5000, 0);
INSERT INTO dangol_message_duties (duty, kind, rule_id, customer, channel, purpose, how, granted, said, start_at, due, done, stage, seq) VALUES ('consent/re-confirmation/49915e0d7d4b402e3017d010bc1c0e83/1', 're-confirmation', 'kr.reconfirm', 'ann', '', 'advertising', '', 1, 1772413200000000, 1832893200000000, 1835485200000000, 0, 1, 1);
INSERT INTO dangol_message_duties (duty, kind, rule_id, customer, channel, purpose, how, granted, said, start_at, due, done, stage, seq) VALUES ('consent/re-confirmation/560c48d6c73e72bde5e58cf4acdf867e/1', 're-confirmation', 'kr.reconfirm', 'cho', '', 'advertising', '', 1, 1772413200000000, 1832893200000000, 1835485200000000, 0, 1, 1);
INSERT INTO dangol_message_duties (duty, kind, rule_id, customer, channel, purpose, how, granted, said, start_at, due, done, stage, seq) VALUES ('consent/re-confirmation/81b637d8fcd2c6da6359e6963113a117/1', 're-confirmation', 'kr.reconfirm', 'bob', '', 'advertising', '', 1, 1772413200000000, 1832893200000000, 1835485200000000, 0, 1, 1);
INSERT INTO dangol_message_duties (duty, kind, rule_id, customer, channel, purpose, how, granted, said, start_at, due, done, stage, seq) VALUES ('consent/result notice/49915e0d7d4b402e3017d010bc1c0e83/1', 'result notice', 'kr.result', 'ann', '', 'advertising', '', 1, 1772413200000000, 1772413200000000, 1773622800000000, 0, 1, 1);
INSERT INTO dangol_message_duties (duty, kind, rule_id, customer, channel, purpose, how, granted, said, start_at, due, done, stage, seq) VALUES ('consent/result notice/560c48d6c73e72bde5e58cf4acdf867e/1', 'result notice', 'kr.result', 'cho', '', 'advertising', '', 1, 1772413200000000, 1772413200000000, 1773622800000000, 0, 1, 1);
INSERT INTO dangol_message_duties (duty, kind, rule_id, customer, channel, purpose, how, granted, said, start_at, due, done, stage, seq) VALUES ('consent/result notice/81b637d8fcd2c6da6359e6963113a117/1', 'result notice', 'kr.result', 'bob', '', 'advertising', '', 1, 1772413200000000, 1772413200000000, 1773622800000000, 0, 1, 1);
INSERT INTO dangol_message_events (event, topic, customer, at) VALUES ('7e29c2738970690948230dff5feea1a0', 'record/cart', 'ann', 1772413200000000);
INSERT INTO dangol_message_events (event, topic, customer, at) VALUES ('1f2d222662c7d81b2013f9146f10eabe', 'record/cart', 'bob', 1772413200000000);
INSERT INTO dangol_message_events (event, topic, customer, at) VALUES ('fe5d29f36def064f229c2ffae2494368', 'record/cart', 'cho', 1772413200000000);
INSERT INTO dangol_message_suppressions (channel, address, lifted, at, reason) VALUES ('email', 'ann@mail.example', 0, 1772413200000000, 'bounced');
INSERT INTO dangol_message_suppressions (channel, address, lifted, at, reason) VALUES ('email', 'bob@mail.example', 0, 1772413200000000, 'bounced');
INSERT INTO dangol_message_suppressions (channel, address, lifted, at, reason) VALUES ('email', 'cho@mail.example', 0, 1772413200000000, 'bounced');
