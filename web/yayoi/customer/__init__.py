"""What a customer does on pages after the notice: STEP5, STEP6, re-links, and what is kept to look up later."""
