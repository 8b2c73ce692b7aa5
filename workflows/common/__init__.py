"""The engine: waiting, escalation, steps, operators' updates, details, search attributes."""
