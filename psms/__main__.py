"""`python -m psms`: the command line, which is in `psms.cli`."""

from psms.cli import main

if __name__ == "__main__":
    main()
