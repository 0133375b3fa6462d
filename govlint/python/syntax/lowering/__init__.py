"""From libcst's concrete syntax tree to `ast` nodes; entered through `lower`."""
