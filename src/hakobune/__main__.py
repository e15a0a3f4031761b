"""`python -m hakobune` is the command `hakobune`."""

from hakobune.cli.main import main

if __name__ == "__main__":
    main()
