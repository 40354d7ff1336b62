"""The same verbs as the dashboard, for a terminal and for scripts."""
