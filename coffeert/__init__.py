"""Live coffee-shop numbers, exact from the 201 to the screen."""

from importlib.metadata import version

__version__ = version("coffeert")
