"""Which Temporal the cluster is: that of the dev server and of Docker Compose, which a test compares."""

SERVER = "1.32.0"
WEB_UI = "2.54.1"
SERVER_BEFORE = "1.31.2"
"""From which a running cluster is brought to `SERVER`: the newest of the minor version before of which every module can
be had from the Go module proxy."""
