"""Mail samples: every template, filled with made-up facts."""
