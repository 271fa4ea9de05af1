-- What plugins keep. The value stands last, so that looking at the rest does not read it.
CREATE TABLE kept (
    number INTEGER PRIMARY KEY,
    -- CRC-32 over all other columns but the number.
    checksum INTEGER NOT NULL,
    -- The use of the plugin that keeps it.
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Nanoseconds since the Unix epoch; NULL where it never expires.
    expires INTEGER,
    value BLOB NOT NULL
);
CREATE UNIQUE INDEX kept_by_key ON kept (owner, key);
CREATE INDEX kept_expiring ON kept (expires) WHERE expires IS NOT NULL;
