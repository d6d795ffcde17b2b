"""Send the coffee orders with urllib.request, which opens a new connection each time."""

import json
import sys
from urllib.request import Request, urlopen

url = sys.argv[1]
order = json.dumps({"store": "uptown", "drink": "latte", "quantity": 2}).encode()
lines = b'{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n'
for _ in range(2):
    urlopen(
        Request(url + "/api/orders", data=order, headers={"Content-Type": "application/json"})
    ).read()
urlopen(
    Request(url + "/api/orders/batch", data=lines, headers={"Content-Type": "application/x-ndjson"})
).read()
urlopen(url + "/api/menu").read()
