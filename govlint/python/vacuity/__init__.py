"""Checks that cannot fail: what a gate's own code decides, whatever it is given."""
