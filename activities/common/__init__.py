"""The engine's effects: ledger, mail, calendar, operators."""
