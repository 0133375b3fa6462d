"""What answers requests, and what leaves the program by it."""
