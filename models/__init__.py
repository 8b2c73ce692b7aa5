"""What is true: domain rules, messages and tables. Knows nothing of Temporal, the network or settings."""
