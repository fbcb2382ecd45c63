// Package world is a deterministic discrete-event world for machines: hosts,
// processes, a clock, and a network that behaves like TCP under faults.
//
// It runs the real machines of package machine, one after another on one
// goroutine. The seed fixes everything: the same seed gives the same run on
// every computer. The network keeps the order within a link and loses nothing
// until a link breaks: a lost segment is a late one (retransmission after
// 200 ms, doubling), a lost SYN costs 1 s, then 2 s, then 4 s. What a cut
// holds back is delivered after the heal, unless the link was closed.
package world
