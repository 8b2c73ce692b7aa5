"""弥生's rules: the application for several offices' data (Y1 to Y27)."""
