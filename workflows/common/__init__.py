"""The engine: waiting, escalation, operators' updates, details, search attributes."""
