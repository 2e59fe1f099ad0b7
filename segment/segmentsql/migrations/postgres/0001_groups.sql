-- Times are microseconds since 1970 in UTC, 0 for none.

CREATE TABLE {prefix}segment_counters (
  name text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL
);
INSERT INTO {prefix}segment_counters VALUES ('update', 0), ('version', 0), ('act', 0);

-- body is the whole group as JSON; the other columns repeat what people and
-- reports ask for.
CREATE TABLE {prefix}segment_groups (
  id text COLLATE "C" PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  scope text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  members bigint NOT NULL,
  as_of bigint NOT NULL,
  due bigint NOT NULL,
  body text COLLATE "C" NOT NULL
);

CREATE TABLE {prefix}segment_rules (
  group_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  rule text COLLATE "C" NOT NULL,
  saved bigint NOT NULL,
  saved_by text COLLATE "C" NOT NULL,
  PRIMARY KEY (group_id, version)
);

CREATE TABLE {prefix}segment_uses (
  group_id text COLLATE "C" NOT NULL,
  used_by text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (group_id, used_by, kind, id)
);

CREATE TABLE {prefix}segment_entries (
  group_id text COLLATE "C" NOT NULL,
  customer text COLLATE "C" NOT NULL,
  mark text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  marked_by text COLLATE "C" NOT NULL,
  marked bigint NOT NULL,
  PRIMARY KEY (group_id, customer)
);

CREATE TABLE {prefix}segment_versions (
  group_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  seq bigint NOT NULL,
  as_of bigint NOT NULL,
  read_at bigint NOT NULL,
  valid_from bigint NOT NULL,
  recorded bigint NOT NULL,
  members bigint NOT NULL,
  entered bigint NOT NULL,
  gone bigint NOT NULL,
  rule bigint NOT NULL,
  cause text COLLATE "C" NOT NULL,
  PRIMARY KEY (group_id, version)
);
CREATE UNIQUE INDEX {prefix}segment_versions_seq ON {prefix}segment_versions (seq);

-- The spans of membership: of the versions from_version up to but without
-- to_version, which is 0 while the span is open. Their dates are those of the
-- versions.
CREATE TABLE {prefix}segment_memberships (
  group_id text COLLATE "C" NOT NULL,
  customer text COLLATE "C" NOT NULL,
  from_version bigint NOT NULL,
  to_version bigint NOT NULL,
  why text COLLATE "C" NOT NULL,
  note text COLLATE "C" NOT NULL,
  who text COLLATE "C" NOT NULL,
  left_why text COLLATE "C" NOT NULL,
  left_note text COLLATE "C" NOT NULL,
  left_who text COLLATE "C" NOT NULL,
  PRIMARY KEY (group_id, customer, from_version)
);
CREATE INDEX {prefix}segment_memberships_customer ON {prefix}segment_memberships (customer, group_id, from_version);
CREATE INDEX {prefix}segment_memberships_began ON {prefix}segment_memberships (group_id, from_version, customer);
CREATE INDEX {prefix}segment_memberships_ended ON {prefix}segment_memberships (group_id, to_version, customer);

CREATE TABLE {prefix}segment_trail (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  group_id text COLLATE "C" NOT NULL,
  what text COLLATE "C" NOT NULL,
  detail text COLLATE "C" NOT NULL
);
