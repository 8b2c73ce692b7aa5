"""MYICS' steps, each with its effect once per ledger key."""
