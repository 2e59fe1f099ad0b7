CREATE INDEX IF NOT EXISTS {prefix}segment_entries_customer ON {prefix}segment_entries (customer, group_id);
