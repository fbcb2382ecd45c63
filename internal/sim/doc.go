// Command sim runs the protocol's machines in a simulated network, case by
// case and seed by seed, and checks what docs/protocol.md promises.
//
//	go run ./internal/sim -list
//	go run ./internal/sim -case crash -n 9 -seed 7
//	go run ./internal/sim -case all -n 9 -seeds 1-20
//	go run ./internal/sim -swarm -seeds 1-200 -n 3-20
//	go run ./internal/sim -table > docs/simulation.md
//
// It exits with 1 when a rule is broken, and prints the line that replays the
// run. One seed is one run, on every computer: -hash prints a sum of the
// transcript.
package main
