"""Python text: bytes to text to `ast`, comments, and syntax newer than the interpreter."""
