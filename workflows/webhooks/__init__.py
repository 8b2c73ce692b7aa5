"""The delivery of a webhook message."""
