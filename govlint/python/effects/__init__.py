"""What a function does to the world outside the program, itself or through what it calls."""
