"""What touches the world: one class per system touched; every effect happens exactly once per ledger key."""
