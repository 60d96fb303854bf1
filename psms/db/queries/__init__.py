"""Queries by subject. The first argument is the session or connection; nothing here commits or decides."""
