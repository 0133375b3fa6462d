"""Control-flow graphs of Python code, and questions about all their paths."""
