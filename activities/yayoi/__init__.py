"""弥生's steps, each with its effect once per ledger key."""
