"""Bytes -> table: containers, encodings, separators, headings, JSON and spreadsheets."""
