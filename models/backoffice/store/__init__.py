"""What the operators' desk reads of all cases."""
