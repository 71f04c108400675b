"""``python -m twin.cli``."""

from twin.cli import main

if __name__ == "__main__":
    main()
