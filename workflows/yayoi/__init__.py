"""弥生's procedures, one file each."""
