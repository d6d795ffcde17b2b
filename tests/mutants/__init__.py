"""Mutants: the safeguards, each broken on purpose to see whether a test notices."""
