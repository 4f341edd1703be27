"""`python -m streamcell`: the command line, where its script is not on the path."""

import sys

from streamcell.cli import main

if __name__ == "__main__":
    sys.exit(main())
