"""Missions of spec 002: their graph, variables, paths, commands, addresses and credentials."""
