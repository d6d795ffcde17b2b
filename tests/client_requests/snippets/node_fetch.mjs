// Send the coffee orders with Node's own fetch (undici), which keeps its connection.
const url = process.argv[2];
const order = JSON.stringify({ store: "uptown", drink: "latte", quantity: 2 });
const lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n';
const post = async (path, body, type) => {
  await (await fetch(url + path, { method: "POST", body, headers: { "Content-Type": type } })).text();
  // The connection is free only a moment later; without this the next fetch opens another one.
  await new Promise((resolve) => setTimeout(resolve, 20));
};

await post("/api/orders", order, "application/json");
await post("/api/orders", order, "application/json");
await post("/api/orders/batch", lines, "application/x-ndjson");
await (await fetch(url + "/api/menu")).text();
