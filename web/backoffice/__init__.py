"""What operators see in the browser beside the Temporal Web UI."""
