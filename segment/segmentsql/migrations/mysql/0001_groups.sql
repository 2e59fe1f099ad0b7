-- Times are microseconds since 1970 in UTC, 0 for none.

CREATE TABLE IF NOT EXISTS {prefix}segment_counters (
  name varbinary(255) PRIMARY KEY,
  value bigint NOT NULL
);
INSERT IGNORE INTO {prefix}segment_counters VALUES ('update', 0), ('version', 0), ('act', 0);

-- body is the whole group as JSON; the other columns repeat what people and
-- reports ask for.
CREATE TABLE IF NOT EXISTS {prefix}segment_groups (
  id varbinary(100) PRIMARY KEY,
  name varbinary(255) NOT NULL,
  kind varbinary(255) NOT NULL,
  scope varbinary(255) NOT NULL,
  status varbinary(255) NOT NULL,
  version bigint NOT NULL,
  members bigint NOT NULL,
  as_of bigint NOT NULL,
  due bigint NOT NULL,
  body longtext CHARACTER SET utf8mb4 NOT NULL
);

CREATE TABLE IF NOT EXISTS {prefix}segment_rules (
  group_id varbinary(100) NOT NULL,
  version bigint NOT NULL,
  rule longtext CHARACTER SET utf8mb4 NOT NULL,
  saved bigint NOT NULL,
  saved_by varbinary(255) NOT NULL,
  PRIMARY KEY (group_id, version)
);

CREATE TABLE IF NOT EXISTS {prefix}segment_uses (
  group_id varbinary(100) NOT NULL,
  used_by varbinary(255) NOT NULL,
  kind varbinary(255) NOT NULL,
  id varbinary(255) NOT NULL,
  name varbinary(255) NOT NULL,
  PRIMARY KEY (group_id, used_by, kind, id)
);

CREATE TABLE IF NOT EXISTS {prefix}segment_entries (
  group_id varbinary(100) NOT NULL,
  customer varbinary(255) NOT NULL,
  mark varbinary(255) NOT NULL,
  reason longtext CHARACTER SET utf8mb4 NOT NULL,
  marked_by varbinary(255) NOT NULL,
  marked bigint NOT NULL,
  PRIMARY KEY (group_id, customer)
);

CREATE TABLE IF NOT EXISTS {prefix}segment_versions (
  group_id varbinary(100) NOT NULL,
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
  cause varbinary(255) NOT NULL,
  PRIMARY KEY (group_id, version)
);
CREATE UNIQUE INDEX IF NOT EXISTS {prefix}segment_versions_seq ON {prefix}segment_versions (seq);

-- The spans of membership: of the versions from_version up to but without
-- to_version, which is 0 while the span is open. Their dates are those of the
-- versions.
CREATE TABLE IF NOT EXISTS {prefix}segment_memberships (
  group_id varbinary(100) NOT NULL,
  customer varbinary(255) NOT NULL,
  from_version bigint NOT NULL,
  to_version bigint NOT NULL,
  why varbinary(255) NOT NULL,
  note longtext CHARACTER SET utf8mb4 NOT NULL,
  who varbinary(255) NOT NULL,
  left_why varbinary(255) NOT NULL,
  left_note longtext CHARACTER SET utf8mb4 NOT NULL,
  left_who varbinary(255) NOT NULL,
  PRIMARY KEY (group_id, customer, from_version)
);
CREATE INDEX IF NOT EXISTS {prefix}segment_memberships_customer ON {prefix}segment_memberships (customer, group_id, from_version);
CREATE INDEX IF NOT EXISTS {prefix}segment_memberships_began ON {prefix}segment_memberships (group_id, from_version, customer);
CREATE INDEX IF NOT EXISTS {prefix}segment_memberships_ended ON {prefix}segment_memberships (group_id, to_version, customer);

CREATE TABLE IF NOT EXISTS {prefix}segment_trail (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  actor varbinary(255) NOT NULL,
  action varbinary(255) NOT NULL,
  group_id varbinary(100) NOT NULL,
  what longtext CHARACTER SET utf8mb4 NOT NULL,
  detail longtext CHARACTER SET utf8mb4 NOT NULL
);
