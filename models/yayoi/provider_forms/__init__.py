"""Forms that a form provider sends, and how its fields become ours."""
