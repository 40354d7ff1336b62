"""The field's words as types and pure functions; imports nothing else of this project."""
