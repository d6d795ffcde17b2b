"""Live coffee-shop numbers, exact from the 201 to the screen."""


def __getattr__(name: str) -> str:
    # Looked up when asked for: every command begins by importing this, and few want to know.
    if name == "__version__":
        from importlib.metadata import version

        return version("coffeert")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
