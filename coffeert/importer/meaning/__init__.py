"""Table -> sales: which column is what, inferred from whole columns, from presets and options."""
