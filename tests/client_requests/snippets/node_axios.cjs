// Send the coffee orders with axios and its default agent.
const axios = require("axios");

(async (url) => {
  const order = { store: "uptown", drink: "latte", quantity: 2 };
  const lines = '{"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n';
  await axios.post(url + "/api/orders", order);
  await axios.post(url + "/api/orders", order);
  await axios.post(url + "/api/orders/batch", lines, { headers: { "Content-Type": "application/x-ndjson" } });
  await axios.get(url + "/api/menu");
})(process.argv[2]);
