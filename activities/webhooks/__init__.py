"""Webhook messages, published and posted."""
