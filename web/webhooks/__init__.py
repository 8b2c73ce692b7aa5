"""Signed messages: checked when they come in, started when they go out."""
