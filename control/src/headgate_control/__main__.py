"""`python -m headgate_control`: the command line, as the `headgate` script starts it."""

import sys

from headgate_control.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
