"""The record: journal, canonical form, trees, signatures, receipts, replay."""
