"""Signed messages to subscribers."""
