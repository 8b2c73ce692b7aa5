"""What operators and engineers ask of all cases, each in one transaction."""
