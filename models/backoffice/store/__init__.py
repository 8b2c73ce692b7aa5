"""The statements of what looks at all cases."""
