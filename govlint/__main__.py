"""``python -m govlint`` is the ``govlint`` command."""

from govlint.cli import main

if __name__ == "__main__":
    main()
