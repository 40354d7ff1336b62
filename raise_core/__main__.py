"""`python -m raise_core`."""

from raise_core.cli.app import main

if __name__ == "__main__":
    main()
