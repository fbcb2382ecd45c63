// Command sim runs the protocol's machines in a simulated network, case by
// case and seed by seed, and checks what docs/protocol.md promises.
//
//	go run ./internal/sim -list
//	go run ./internal/sim -case crash -n 9 -seed 7
//	go run ./internal/sim -case all -n 9 -seeds 1-20
//	go run ./internal/sim -swarm -seeds 1-200 -n 3-20
//
// It exits with 1 when a rule is broken, and prints the line that replays the
// run.
package main
