"""Every body and frame that leaves or enters a process; the only codec."""
