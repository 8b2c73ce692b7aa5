"""Statements on stored webhook messages."""
