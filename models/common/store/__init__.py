"""The engine's statements on the database, and the type under which the database is handed on."""
