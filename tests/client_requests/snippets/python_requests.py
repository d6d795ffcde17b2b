"""Send the coffee orders with a requests Session, which keeps its connection.

With the word "stream" as second argument the bodies come from generators, so
requests sends them in chunks.
"""

import json
import sys

import requests

url = sys.argv[1]
stream = sys.argv[2:] == ["stream"]
order = {"store": "uptown", "drink": "latte", "quantity": 2}
lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n'


def pieces(text):
    """Give the text in two pieces."""
    yield text[:20].encode()
    yield text[20:].encode()


with requests.Session() as session:
    for _ in range(2):
        if stream:
            headers = {"Content-Type": "application/json"}
            session.post(url + "/api/orders", data=pieces(json.dumps(order)), headers=headers)
        else:
            session.post(url + "/api/orders", json=order)
    body = pieces(lines) if stream else lines
    session.post(
        url + "/api/orders/batch", data=body, headers={"Content-Type": "application/x-ndjson"}
    )
    session.get(url + "/api/menu")
