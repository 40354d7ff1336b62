"""Results to Plotly figures, tables and sentences; pure functions."""
