"""What the operators' desk reads of all cases, and what it keeps for their work."""
