"""What looks at all cases: queues, digest, reconciliation."""
