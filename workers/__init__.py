"""The processes: settings, wiring, worker, embedded stack and command line."""
