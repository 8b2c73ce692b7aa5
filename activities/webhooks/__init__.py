"""Webhook messages, signed and posted."""
