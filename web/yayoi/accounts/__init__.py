"""Yayoi IDs and their passwords: registered, set and forgotten on pages (Y26)."""
