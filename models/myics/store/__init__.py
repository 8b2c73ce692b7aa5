"""MYICS' use cases on the database: what a page asks for, each in one transaction."""
