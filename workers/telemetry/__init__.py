"""What a running process says of itself: metrics, traces and logs. All of it is off unless it is set."""
