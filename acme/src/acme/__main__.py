"""`python -m acme`."""

from acme.cli import main

if __name__ == "__main__":
    main()
