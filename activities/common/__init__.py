"""The engine's effects: mail, calendar, operators."""
