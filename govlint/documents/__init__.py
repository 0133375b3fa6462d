"""JSON and YAML documents: their values, and the place in the text of every part of them."""
