"""What happens when: one file per procedure, each reads as the story of the procedure."""
