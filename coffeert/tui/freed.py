"""Memory that is not in use: found soon, and given back to the system."""

from __future__ import annotations

import ctypes
import gc
from typing import Final

SETTLED_SECONDS: Final = 5.0
"""After so long everything is loaded, and has been drawn."""

GIVE_BACK_SECONDS: Final = 60.0


def leave_what_stays() -> None:
    """Have the garbage collector look no more at what is there by now; takes some tens of milliseconds.

    It looks at everything when there is a quarter more than the last time. Of a hundred thousand objects
    that stay a quarter is much garbage, and to look at them takes as long each time as this does. What the
    garbage took at its height, Python's allocator keeps.
    """
    gc.collect()
    gc.freeze()


def give_back_the_freed() -> None:
    """Return the pages in which nothing is in use any more; takes some tenths of a millisecond.

    By itself glibc returns only what lies at the end of its heap. What looking back remembers is let go
    a minute at a time, from the middle, and the next minute does not fit quite the same holes. It is not
    all that grows (docs/performance.md). Where the C library has no `malloc_trim` (macOS, musl) nothing
    is done.
    """
    if _trim is not None:
        _trim(0)


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
