"""弥生's pages, API and events."""
