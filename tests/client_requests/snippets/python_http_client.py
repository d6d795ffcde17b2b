"""Send the coffee orders with http.client on one connection."""

import http.client
import json
import sys

conn = http.client.HTTPConnection(sys.argv[1].removeprefix("http://"))
order = json.dumps({"store": "uptown", "drink": "latte", "quantity": 2})
lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n'
for method, path, body, kind in [
    ("POST", "/api/orders", order, "application/json"),
    ("POST", "/api/orders", order, "application/json"),
    ("POST", "/api/orders/batch", lines, "application/x-ndjson"),
    ("GET", "/api/menu", None, None),
]:
    conn.request(method, path, body, {"Content-Type": kind} if kind else {})
    conn.getresponse().read()
conn.close()
