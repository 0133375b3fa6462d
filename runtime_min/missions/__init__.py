"""Missions (spec 002): a graph of steps, each run by the kernel as an envelope of its own."""
