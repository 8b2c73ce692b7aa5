"""What looks at all cases: digest and reconciliation."""
