"""Loading the files that tills write: `table` -> `meaning` -> `load`.

`table` reads what a file holds, `meaning` says which column is what, and `load` looks at the sales, stores
them and takes them back.
"""
