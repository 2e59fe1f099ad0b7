-- What Prune needs: totals of what it deleted, and events by time.
CREATE INDEX {prefix}message_events_2 ON {prefix}message_events (at, event);

CREATE TABLE {prefix}message_totals (
	campaign text NOT NULL,
	results text NOT NULL,
	at integer NOT NULL,
	PRIMARY KEY (campaign)
) WITHOUT ROWID;
