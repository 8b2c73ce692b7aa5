"""What the engine for casework knows: messages, identifiers, operations, calendar, passwords, links."""
