-- What changes as people work. Times are UTC, ISO 8601.

CREATE TABLE IF NOT EXISTS saved_view (
    view_id TEXT PRIMARY KEY,          -- short random id, stands in addresses
    name TEXT,                         -- NULL: stored only because its address was long
    page TEXT NOT NULL,                -- file of the page, relative to app.py
    query TEXT NOT NULL,               -- the address's parameters, URL-encoded
    study_id TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS saved_cohort (
    cohort_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    study_id TEXT NOT NULL,
    filter_text TEXT NOT NULL,         -- as in addresses; see raise_core/domain/cohort_filter.py
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (study_id, name)
);

CREATE TABLE IF NOT EXISTS job (       -- one line a piece of background work; see raise_core/domain/job.py
    job_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    study_id TEXT NOT NULL,            -- empty for housekeeping
    snapshot_id TEXT NOT NULL,
    settings TEXT NOT NULL,            -- JSON
    identity TEXT NOT NULL,            -- hash of kind, study, snapshot and settings
    device_asked TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('queued', 'running', 'cancelling', 'interrupted', 'finished', 'failed', 'cancelled')
    ),
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,                       -- host and process mark of the worker that has it
    process TEXT,                      -- mark of the process that does the work
    heartbeat_at TEXT,
    stage TEXT,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    rate REAL,                         -- units per second
    rate_spread REAL,                  -- its uncertainty, as a share of it
    device TEXT,
    memory_bytes INTEGER,
    peak_memory_bytes INTEGER,
    gpu_memory_bytes INTEGER,
    result_id TEXT,
    message TEXT,                      -- for people
    log_file TEXT                      -- relative to the home
);

-- The same work is in the queue or under way once at most, whoever asks for it.
CREATE UNIQUE INDEX IF NOT EXISTS job_once ON job (identity)
WHERE state IN ('queued', 'running', 'cancelling', 'interrupted');

CREATE VIEW IF NOT EXISTS open_job AS SELECT * FROM job
WHERE state IN ('queued', 'running', 'cancelling', 'interrupted');

CREATE TABLE IF NOT EXISTS job_stage ( -- measured speed of each stage of each attempt
    job_id TEXT NOT NULL REFERENCES job (job_id),
    attempt INTEGER NOT NULL,
    stage TEXT NOT NULL,
    counted INTEGER NOT NULL,          -- units finished in `seconds`
    seconds REAL NOT NULL,
    PRIMARY KEY (job_id, attempt, stage)
);

CREATE TABLE IF NOT EXISTS worker (    -- the one process that takes jobs; no line: none is there
    seat INTEGER PRIMARY KEY CHECK (seat = 1),
    worker TEXT,                       -- NULL: one is being started
    since TEXT NOT NULL,
    heartbeat_at TEXT NOT NULL
);
