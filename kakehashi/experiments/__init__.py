"""Grids of runs that answer one question."""
