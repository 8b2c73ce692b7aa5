"""Customers loaded from a file."""
