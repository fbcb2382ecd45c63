// Package inspect asks a node from outside: who is in a domain as it sees it,
// why it holds a member as it does, and whether it can dial an address back.
// Whoever asks takes part in nothing: it is in no view, nobody watches it, and
// it needs no address of its own. It is for tools of operators; a program that
// is to follow a group joins it, as a manager if not as a member.
//
//	conn, err := inspect.Dial(ctx, inspect.Config{Keys: keys}, "10.0.0.1:4000")
//	if err != nil {
//		log.Fatal(err) // a *transport.RefusedError says what to change
//	}
//	defer conn.Close()
//	seen, err := conn.View(ctx, "wso2.is.domain", 0)
//	for m := range seen.View.All() {
//		fmt.Println(m)
//	}
//
// The asked node believes only who has its cluster's key or certificate, as of
// members. It takes eight who ask at a time, for a minute each, and answers 32
// questions a second from all of them together. Who finds no room is told so
// and may ask again later.
package inspect
