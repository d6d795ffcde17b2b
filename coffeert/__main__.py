"""`python -m coffeert`."""

from coffeert.cli import main

main()
