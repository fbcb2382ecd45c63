// Package memnet is a TCP network in memory, with faults. It lets a test run
// many nodes in one process, cut the cables between them, and still finish in
// milliseconds: nothing in it polls or sleeps, so inside a [testing/synctest]
// bubble all its delays, deadlines and faults run in virtual time.
//
// A [Network] is a set of hosts, each known by a name such as "a" or
// "127.0.0.1". A name means only itself: there is no DNS, and two names are
// two hosts. A process at a host listens with [Network.Listen] or
// [Host.Listen] and dials with [Host.DialContext], whose signature is the one
// that net.Dialer has:
//
//	network := memnet.New()
//	listener, err := network.Listen("b:4000")
//	conn, err := network.Host("a").DialContext(ctx, "tcp", "b:4000")
//	network.Cut("a", "b")  // from here on neither hears the other
//	network.Heal("a", "b") // what was written meanwhile arrives
//
// # What is modelled
//
// Connections behave as TCP's do where a program can tell: bytes arrive whole,
// in order, or not at all; each direction holds at most [Window] bytes, then
// Write blocks; CloseWrite half-closes; bytes for an end that is closed or
// whose process has gone are answered by a reset; an idle connection to a
// vanished peer stays up for ever. Errors are those of package net: a
// *net.OpError around ECONNREFUSED, ECONNRESET, EPIPE, net.ErrClosed or
// os.ErrDeadlineExceeded.
//
// A reset discards what the receiving end has not read yet. Linux keeps it,
// Windows does not; a program that is right here is right on both.
//
// # What is not modelled
//
// Bandwidth, loss and reordering of single segments, retransmission timers
// (what was held back arrives one latency after the heal, a hanging dial
// completes one round trip after it), the kernel's own give-up after many
// minutes, and TIME_WAIT: an address can be listened on again at once.
//
// # Concurrency
//
// All methods of all types may be called at any time from any goroutine. None
// but Read, Write, Accept and DialContext waits. The package starts no
// goroutine of its own; timers exist only for latencies and for deadlines that
// somebody waits on. A Network belongs to the bubble that first uses it.
package memnet
