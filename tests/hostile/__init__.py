"""What attackers send, where, and what they get: a table that tests try and a document shows."""
