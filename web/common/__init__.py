"""What every page and interface needs: problems, security, jobs beside the requests, calls to Temporal."""
