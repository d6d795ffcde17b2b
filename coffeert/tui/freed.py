"""What was freed, given back to the system."""

from __future__ import annotations

import ctypes
from typing import Final

GIVE_BACK_SECONDS: Final = 60.0


def give_back_the_freed() -> None:
    """Return the pages in which nothing is in use any more; takes some tenths of a millisecond.

    By itself glibc returns only what lies at the end of its heap. Where the C library has no `malloc_trim`
    (macOS, musl) nothing is done.
    """
    if _trim is not None:
        _trim(0)


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
