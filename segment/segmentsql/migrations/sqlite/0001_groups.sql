-- Times are microseconds since 1970 in UTC, 0 for none.

CREATE TABLE {prefix}segment_counters (
  name text PRIMARY KEY,
  value integer NOT NULL
) WITHOUT ROWID;
INSERT INTO {prefix}segment_counters VALUES ('update', 0), ('version', 0), ('act', 0);

-- body is the whole group as JSON; the other columns repeat what people and
-- reports ask for.
CREATE TABLE {prefix}segment_groups (
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

CREATE TABLE {prefix}segment_rules (
  group_id text NOT NULL,
  version integer NOT NULL,
  rule text NOT NULL,
  saved integer NOT NULL,
  saved_by text NOT NULL,
  PRIMARY KEY (group_id, version)
) WITHOUT ROWID;

CREATE TABLE {prefix}segment_uses (
  group_id text NOT NULL,
  used_by text NOT NULL,
  kind text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (group_id, used_by, kind, id)
) WITHOUT ROWID;

CREATE TABLE {prefix}segment_entries (
  group_id text NOT NULL,
  customer text NOT NULL,
  mark text NOT NULL,
  reason text NOT NULL,
  marked_by text NOT NULL,
  marked integer NOT NULL,
  PRIMARY KEY (group_id, customer)
) WITHOUT ROWID;

CREATE TABLE {prefix}segment_versions (
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
CREATE UNIQUE INDEX {prefix}segment_versions_seq ON {prefix}segment_versions (seq);

-- The spans of membership: of the versions from_version up to but without
-- to_version, which is 0 while the span is open. Their dates are those of the
-- versions.
CREATE TABLE {prefix}segment_memberships (
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
CREATE INDEX {prefix}segment_memberships_customer ON {prefix}segment_memberships (customer, group_id, from_version);
CREATE INDEX {prefix}segment_memberships_began ON {prefix}segment_memberships (group_id, from_version, customer);
CREATE INDEX {prefix}segment_memberships_ended ON {prefix}segment_memberships (group_id, to_version, customer);

CREATE TABLE {prefix}segment_trail (
  seq integer PRIMARY KEY,
  at integer NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  group_id text NOT NULL,
  what text NOT NULL,
  detail text NOT NULL
);
