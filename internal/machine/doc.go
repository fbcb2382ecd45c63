// Package machine is the protocol of one node as a pure state machine:
// inputs go in with the time at which they happened, effects come out.
//
// It decides who watches whom, who is down, who may join and what the
// application is shown; it has no clock, no socket, no goroutine and no source
// of randomness of its own. The loop of package membership drives it in
// production, package world in simulations: both run the very same rules.
//
// A [Machine] holds one group for each domain that the node takes part in.
// Groups are independent of each other but for the links, which all groups
// share, and for what links prove: whether this node hears anybody at all.
//
// # Use
//
// Call one input method at a time ([Machine.LinkUp], [Machine.Receive],
// [Machine.Tick], …), then perform what [Machine.Effects] returns, in order,
// and call Tick no later than [Machine.Next]. Times are durations since the
// node's start on a monotonic clock and never go back.
//
// Where a file implements a rule of docs/protocol.md it names the section.
package machine
