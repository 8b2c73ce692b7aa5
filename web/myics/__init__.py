"""MYICS in the web: what its pages ask for, as services; each in one transaction, refused in Japanese (M1 to M8)."""
