"""What people and other systems reach: the form, the page of a case, events."""
