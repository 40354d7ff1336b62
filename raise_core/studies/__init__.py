"""The protocols as data, and the one place where the store meets computation."""
