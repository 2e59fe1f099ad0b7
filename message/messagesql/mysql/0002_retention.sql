-- What Prune needs: totals of what it deleted, and events by time.
CREATE INDEX IF NOT EXISTS {prefix}message_events_2 ON {prefix}message_events (at, event);

CREATE TABLE IF NOT EXISTS {prefix}message_totals (
	campaign varbinary(255) NOT NULL,
	results longblob NOT NULL,
	at bigint NOT NULL,
	PRIMARY KEY (campaign)
);
