package upstream_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/gotribes/tribes/membership/upstream"
)

// One of two servers is down: the request goes to the other.
func ExamplePool_Transport() {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Method, r.Host)
	}))
	defer up.Close()
	down := httptest.NewServer(nil)
	down.Close()

	pool, err := upstream.New(upstream.Static(down.Listener.Addr().String(), up.Listener.Addr().String()), upstream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	client := &http.Client{Transport: pool.Transport(nil)}
	defer client.CloseIdleConnections()
	for range 2 {
		resp, err := client.Post("http://orders.test/", "text/plain", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(string(body))
	}
	// Output:
	// POST orders.test
	// POST orders.test
}

// A server that speaks something else than HTTP.
func ExamplePool_Pick() {
	pool, err := upstream.New(upstream.Static("10.0.0.1:7000"), upstream.Options{Policy: upstream.LeastInFlight})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	pick, err := pool.Pick(upstream.Want{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("to", pick.Address())
	pick.Answered() // the first byte of the answer is there
	pick.Done(upstream.Succeeded, nil)
	// Output: to 10.0.0.1:7000
}
