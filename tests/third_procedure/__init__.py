"""A small made-up procedure, built step by step as docs/adding-a-procedure.md says: a printed manual is sent."""
