"""The reference runtime: one governed path for every execution, and a record of it.

What it writes can be checked from outside, with nothing of this package: the formats are in
`schemas/receipts`, vectors for them in `schemas/vectors`.
"""

__version__ = "0.1.0"
