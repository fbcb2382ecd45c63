// Package tribes makes a Go process a member of a group of Java processes that
// speak Apache Tribes: a Tomcat cluster, or a well-known-address group of Axis2
// or WSO2.
//
//	node, err := tribes.Join(ctx, tribes.Config{
//		Mode:      tribes.Static,
//		Advertise: "10.0.0.9:4000",
//		Peers:     []tribes.Peer{{Address: "10.0.0.1:4000"}, {Address: "10.0.0.2:4000"}},
//	})
//	if err != nil {
//		return err
//	}
//	defer node.Leave(context.Background())
//	for event := range node.Own().Events(ctx) {
//		log.Print(event) // removed 10.0.0.2:4000 (crashed)
//	}
//
// Views, changes, events and members are those of package
// github.com/gotribes/tribes/membership, so that whatever reads its groups reads
// these.
//
// # Modes
//
// In the mode [Static] every process is configured with the addresses of the
// others, and looks whether they are there: StaticMembershipInterceptor with
// TcpFailureDetector and TcpPingInterceptor. In the mode [Service] the
// configured processes tell each other about themselves: StaticMembershipService.
// In the mode [Axis2] a process asks the well-known members who else is there,
// and answers if it is one of them itself.
//
// # Differences from Java
//
// Members are probed side by side, each with its own time limit, so that one
// that is cut off delays no news of another. A connection to each is held open,
// whose end shows a crash at once. A member is shown with the properties that it
// announces, also in the mode Static.
//
// # Trust
//
// Tribes knows neither passwords nor encryption: whoever reaches the port can
// say what he likes in anybody's name. Nothing a peer sends is executed, and no
// class of a peer is looked for.
package tribes
