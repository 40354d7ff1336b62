"""The cohort store: immutable snapshots in DuckDB, content-addressed images and artifacts."""
