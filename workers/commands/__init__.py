"""The commands of `tetsuzuki`, a file each."""
