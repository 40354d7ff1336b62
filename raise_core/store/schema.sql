-- The one definition of a study's tables. One database file holds one snapshot of one study.
-- Times are weeks from randomisation (negative = before), diameters mm, ages years. A NULL is "not known".

CREATE TABLE study (                      -- exactly one row
    study_id       VARCHAR NOT NULL PRIMARY KEY,
    snapshot_id    VARCHAR NOT NULL,      -- hash of every table below and of title, simulated, reference_arm,
                                          -- and after_baseline where there is one
    title          VARCHAR NOT NULL,
    simulated      BOOLEAN NOT NULL,      -- patients that do not exist; shown wherever they are shown
    reference_arm  VARCHAR,               -- arm that hazard ratios are read against
    published_at   VARCHAR NOT NULL,      -- UTC, ISO 8601
    schema_version INTEGER NOT NULL,
    after_baseline VARCHAR[] NOT NULL     -- columns of patient known only after baseline (since version 2)
);

-- Covariates of one study beyond these are added as further typed columns, in the order of the file.
CREATE TABLE patient (
    patient_id             VARCHAR NOT NULL PRIMARY KEY CHECK (patient_id <> ''),
    arm                    VARCHAR,
    sex                    VARCHAR,
    age_years              DOUBLE CHECK (age_years BETWEEN 0 AND 120),
    origin                 VARCHAR,       -- site of the primary tumour
    grade                  VARCHAR,
    ki67_percent           DOUBLE CHECK (ki67_percent BETWEEN 0 AND 100),
    prior_treatment        VARCHAR,
    progressed_at_baseline BOOLEAN
);

CREATE TABLE outcome (
    patient_id VARCHAR NOT NULL,
    endpoint   VARCHAR NOT NULL CHECK (endpoint <> ''),
    time_weeks DOUBLE  NOT NULL CHECK (time_weeks >= 0 AND isfinite(time_weeks)),
    event      BOOLEAN NOT NULL,          -- true: seen; false: censored at time_weeks
    PRIMARY KEY (patient_id, endpoint)
);

CREATE TABLE lab (
    patient_id  VARCHAR NOT NULL,
    week        DOUBLE  NOT NULL CHECK (isfinite(week)),
    test        VARCHAR NOT NULL CHECK (test = upper(test) AND test <> ''),
    value       DOUBLE  NOT NULL CHECK (isfinite(value)),
    unit        VARCHAR,                  -- one unit a test
    lower_limit DOUBLE,                   -- of normal, in the same unit
    upper_limit DOUBLE,
    CHECK (lower_limit IS NULL OR upper_limit IS NULL OR lower_limit <= upper_limit)
);

CREATE TABLE lesion (
    patient_id  VARCHAR NOT NULL,
    week        DOUBLE  NOT NULL CHECK (isfinite(week)),
    lesion_id   VARCHAR NOT NULL CHECK (lesion_id <> ''),
    diameter_mm DOUBLE CHECK (diameter_mm >= 0),  -- longest axis; short axis of a lymph node; 0 = vanished
    organ       VARCHAR,
    target      BOOLEAN NOT NULL,
    status      VARCHAR NOT NULL CHECK (status IN ('measured', 'absent', 'not evaluable')),
    CHECK ((diameter_mm IS NULL) = (status = 'not evaluable'))
);

CREATE TABLE scan (
    scan_id        VARCHAR NOT NULL PRIMARY KEY,  -- the path the import named it by
    patient_id     VARCHAR NOT NULL,
    week           DOUBLE  NOT NULL CHECK (isfinite(week)),
    modality       VARCHAR CHECK (modality IN ('CT', 'PT', 'MR')),
    phase          VARCHAR CHECK (phase IN ('non-enhanced', 'arterial', 'portal', 'delayed')),
    manufacturer   VARCHAR,
    kernel         VARCHAR,
    spacing_x_mm   DOUBLE  NOT NULL CHECK (spacing_x_mm > 0),
    spacing_y_mm   DOUBLE  NOT NULL CHECK (spacing_y_mm > 0),
    spacing_z_mm   DOUBLE  NOT NULL CHECK (spacing_z_mm > 0),
    size_x         INTEGER NOT NULL CHECK (size_x > 0),
    size_y         INTEGER NOT NULL CHECK (size_y > 0),
    size_z         INTEGER NOT NULL CHECK (size_z > 0),
    content_sha256 VARCHAR NOT NULL,
    file           VARCHAR NOT NULL               -- stored copy, relative to the home
);

CREATE TABLE mask (
    scan_id        VARCHAR NOT NULL,
    kind           VARCHAR NOT NULL CHECK (kind IN ('lesion', 'liver')),
    lesion_id      VARCHAR,
    slice_index    INTEGER CHECK (slice_index >= 0),  -- annotated axial slice, counted from 0
    label          INTEGER CHECK (label > 0),         -- voxel value that is meant; NULL = every voxel that is not 0
    content_sha256 VARCHAR NOT NULL,
    file           VARCHAR NOT NULL
);

CREATE TABLE import_issue (               -- what the import found odd but let pass
    severity    VARCHAR NOT NULL CHECK (severity IN ('warning')),
    file        VARCHAR NOT NULL,
    row_number  BIGINT,                   -- line of the file, the header being line 1
    column_name VARCHAR,
    message     VARCHAR NOT NULL,
    remedy      VARCHAR NOT NULL
);
