"""The pages of MYICS (M1 to M8)."""
