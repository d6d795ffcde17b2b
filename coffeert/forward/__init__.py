"""Forwarding: the feed of this installation is posted to another one, order by order under the same ids."""
