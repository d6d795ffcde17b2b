"""Send the coffee orders with an httpx Client, which keeps its connection."""

import sys

import httpx

url = sys.argv[1]
with httpx.Client() as client:
    for _ in range(2):
        client.post(url + "/api/orders", json={"store": "uptown", "drink": "latte", "quantity": 2})
    lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n'
    client.post(
        url + "/api/orders/batch", content=lines, headers={"Content-Type": "application/x-ndjson"}
    )
    client.get(url + "/api/menu")
