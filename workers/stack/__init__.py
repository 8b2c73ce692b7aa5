"""The embedded stack: everything the program needs on one machine, started and watched by one process."""
