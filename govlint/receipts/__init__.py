"""Receipts, checked from the outside: written from `schemas/receipts`, never from a runtime."""
