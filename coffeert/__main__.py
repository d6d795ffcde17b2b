"""`python -m coffeert`."""

from coffeert.entry import main

main()
