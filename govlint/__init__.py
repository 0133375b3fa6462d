"""govlint makes governance documents hold: a linter, a law book and a verifier."""

__version__ = "0.1.0"
