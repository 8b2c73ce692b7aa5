"""MYICS' procedures, one file each."""
