package memnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/gotribes/tribes/transport/memnet"
)

// Two hosts talk; then one of them crashes.
func Example() {
	network := memnet.New()
	listener, err := network.Listen("b:4000")
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := network.Host("a").DialContext(context.Background(), "tcp", "b:4000")
	if err != nil {
		fmt.Println(err)
		return
	}
	peer, err := listener.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(conn, "hello")
	word := make([]byte, 5)
	_, err = io.ReadFull(peer, word)
	fmt.Println(string(word), err)

	network.Crash("b")
	_, err = conn.Read(word)
	fmt.Println("reset:", errors.Is(err, syscall.ECONNRESET))
	_, err = network.Host("a").DialContext(context.Background(), "tcp", "b:4000")
	fmt.Println(err)
	// Output:
	// hello <nil>
	// reset: true
	// dial tcp b:4000: connect: connection refused
}
