package tribes_test

import (
	"context"
	"fmt"
	"net"

	"github.com/gotribes/tribes/membership/tribes"
)

// Two processes that list each other, as two Tomcats would.
func Example() {
	address := func() string {
		l, _ := net.Listen("tcp", "127.0.0.1:0")
		defer l.Close()
		return l.Addr().String()
	}
	a, b := address(), address()
	one, err := tribes.Join(context.Background(), tribes.Config{Advertise: a, Peers: []tribes.Peer{{Address: b}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer one.Close()
	two, err := tribes.Join(context.Background(), tribes.Config{Advertise: b, Peers: []tribes.Peer{{Address: a}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	members := 0
	for event := range one.Own().Events(context.Background()) {
		fmt.Println(event.Kind, event.Cause)
		if members++; members == 2 {
			go two.Leave(context.Background())
		}
		if members == 3 {
			break
		}
	}
	<-two.Done()
	// Output:
	// memberAdded joined
	// memberAdded joined
	// memberRemoved left
}
