# Send the coffee orders with Net::HTTP on one connection.
require "json"
require "net/http"

url = URI(ARGV[0])
order = JSON.generate({ store: "uptown", drink: "latte", quantity: 2 })
lines = %({"store":"uptown","drink":"latte","quantity":2}\n{"store":"uptown","drink":"mocha","quantity":1}\n)
Net::HTTP.start(url.host, url.port) do |http|
  2.times { http.post("/api/orders", order, "Content-Type" => "application/json") }
  http.post("/api/orders/batch", lines, "Content-Type" => "application/x-ndjson")
  http.get("/api/menu")
end
