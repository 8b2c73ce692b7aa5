"""MYICS: how an accounting firm's representative, its staff and its clients get their accounts (M1 to M8)."""
