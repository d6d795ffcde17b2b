"""Loading the files that tills write: bytes -> table -> meaning -> orders.

`table` reads what a file holds, `meaning` says which column is what, and `coffeert.postgres` stores it.
"""
