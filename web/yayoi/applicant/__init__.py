"""What applicants do on pages: STEP1 to STEP4, and the page of their own case."""
