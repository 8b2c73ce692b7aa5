"""The demo (`make demo`): cases from form to end on a stack of its own, with every result checked."""
