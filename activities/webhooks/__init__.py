"""Webhook messages, posted to their subscribers."""
