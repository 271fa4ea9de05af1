-- One row for each accepted event. The JSON stands last, so that looking at the rest does not read it.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- Nanoseconds since the Unix epoch; never falls from one row to the next.
    accepted INTEGER NOT NULL,
    -- Numbers of the subscriptions that it matched: four bytes each, little endian.
    matched BLOB NOT NULL,
    -- CRC-32 over all other columns.
    checksum INTEGER NOT NULL,
    -- The publisher's idempotency key.
    key TEXT,
    correlation_id TEXT,
    json BLOB NOT NULL
);
CREATE UNIQUE INDEX events_by_key ON events (key) WHERE key IS NOT NULL;
CREATE INDEX events_by_correlation ON events (correlation_id, sequence) WHERE correlation_id IS NOT NULL;

-- One row for each subscription that was ever matched.
CREATE TABLE subscriptions (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- The cursor: every delivery up to this sequence number is settled as delivered, unless it is in `open` or has a row
    -- in `deliveries`; every one behind it is pending.
    next INTEGER NOT NULL,
    -- Sequence numbers up to the cursor that are pending all the same: eight bytes each, little endian.
    open BLOB NOT NULL,
    -- CRC-32 over all other columns.
    checksum INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    filtered INTEGER NOT NULL,
    throttled INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    dead INTEGER NOT NULL
);

-- Deliveries about which there is more to say than the cursor does.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY,
    -- CRC-32 over all columns but the number.
    checksum INTEGER NOT NULL,
    subscription INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    -- 0: the event's own delivery.
    replay INTEGER NOT NULL,
    -- 0 ready, 1 held, 2 delivered, 3 filtered, 4 throttled, 5 expired, 6 dead, 7 discarded
    state INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    since INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    -- Of the value that orders it; NULL where nothing does.
    ordering_key INTEGER,
    reason TEXT,
    reference TEXT,
    detail TEXT,
    -- One JSON line for each attempt that failed: [time, reason].
    failures TEXT NOT NULL
);
CREATE UNIQUE INDEX deliveries_by_event ON deliveries (sequence, subscription, replay);
CREATE INDEX deliveries_ready ON deliveries (subscription, due, sequence, replay) WHERE state = 0;
CREATE INDEX deliveries_held ON deliveries (subscription, ordering_key, sequence, replay) WHERE state = 1;
CREATE INDEX deliveries_failed ON deliveries (state, number) WHERE state >= 3;

CREATE TABLE replays (
    number INTEGER PRIMARY KEY,
    subscription TEXT NOT NULL,
    request TEXT NOT NULL,
    position INTEGER NOT NULL,
    enqueued INTEGER NOT NULL,
    ended TEXT
);

-- Subscriptions that were made at run time, as JSON.
CREATE TABLE definitions (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE totals (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    events INTEGER NOT NULL,
    unmatched INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    -- Events that the retention has forgotten.
    forgotten INTEGER NOT NULL,
    -- The last sequence number that was given away.
    sequence INTEGER NOT NULL,
    -- The clock at the last commit.
    time INTEGER NOT NULL
);
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0);
