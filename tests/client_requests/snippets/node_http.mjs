// Send the coffee orders with http.request and a keepAlive agent. With the word "write" as second
// argument the body goes out by write() and then end(), as many programs do; with "pipe" it comes from
// a stream, in two pieces; otherwise it goes out by end(body).
import http from "node:http";
import { Readable } from "node:stream";

const [url, how] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const order = JSON.stringify({ store: "uptown", drink: "latte", quantity: 2 });
const lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n';

const send = (method, path, body, type) =>
  new Promise((resolve, reject) => {
    const headers = type ? { "Content-Type": type } : {};
    const request = http.request(url + path, { method, agent, headers }, (reply) => {
      reply.resume();
      // The socket is back in the agent's pool only a turn after "end".
      reply.on("end", () => setImmediate(resolve));
    });
    request.on("error", reject);
    if (body && how === "write") {
      request.write(body);
      request.end();
    } else if (body && how === "pipe") {
      Readable.from([body.slice(0, 20), body.slice(20)]).pipe(request);
    } else {
      request.end(body);
    }
  });

await send("POST", "/api/orders", order, "application/json");
await send("POST", "/api/orders", order, "application/json");
await send("POST", "/api/orders/batch", lines, "application/x-ndjson");
await send("GET", "/api/menu");
agent.destroy();
