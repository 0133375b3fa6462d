"""Domain services of spec 003: which classes are, and what the contract asks of them."""
