"""Roles (spec 000): definitions and registries, the constraints they state, and `@role` lines."""
