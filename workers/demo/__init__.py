"""The rehearsal (`make demo`): one application from form to closed case, every part played, every result checked."""
