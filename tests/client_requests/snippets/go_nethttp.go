// Send the coffee orders with Go's default HTTP client.
package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

// finish reads the answer to its end, so that the connection can be used again.
func finish(reply *http.Response, err error) {
	if err != nil {
		panic(err)
	}
	io.Copy(io.Discard, reply.Body)
	reply.Body.Close()
}

func main() {
	url := os.Args[1]
	order := `{"store":"uptown","drink":"latte","quantity":2}`
	lines := order + "\n" + `{"store":"uptown","drink":"mocha","quantity":1}` + "\n"
	finish(http.Post(url+"/api/orders", "application/json", strings.NewReader(order)))
	finish(http.Post(url+"/api/orders", "application/json", strings.NewReader(order)))
	finish(http.Post(url+"/api/orders/batch", "application/x-ndjson", strings.NewReader(lines)))
	finish(http.Get(url + "/api/menu"))
}
