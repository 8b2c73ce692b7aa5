"""`python -m workers`: the same as `tetsuzuki`."""

from workers.cli import main

if __name__ == "__main__":
    main()
