"""Fuzzing: every surface that takes a stranger's bytes, and a server that must not mind."""
