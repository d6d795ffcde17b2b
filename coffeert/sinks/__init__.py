"""Where `coffeert feed --to` writes: one file for each kind of target, behind the protocol of `sink.py`."""
