"""弥生's use cases on the database: what a page or the API asks for, each in one transaction."""
