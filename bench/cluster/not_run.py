"""The tests that `make cluster-test` leaves out, each with its reason. A test keeps the list short and true."""

NOT_RUN: dict[str, str] = {}
"""By pytest's own name of a test, or of a file."""
MOST = 20
