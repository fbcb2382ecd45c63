// Package transport keeps framed, authenticated, lasting links between nodes
// over any net.Conn. It moves frames; what they mean is for the layer above.
//
// Most programs never import it: package membership does. It is public for
// those who want to inspect links or to build a tool that asks who answers at
// an address.
//
// # Frames
//
// A frame is a length (4 bytes, big-endian) and as many bytes of payload: 1 to
// [MaxFrame], before the end of the handshake 1 to [MaxHandshakeFrame]. The
// length is checked before memory is taken, and memory is taken only as bytes
// arrive.
//
// # Handshake
//
// The dialer sends a hello. The acceptor answers with a welcome, which is its
// own hello and a proof that it holds the key that its ID is made from, or
// with a typed refusal. The dialer then proves the same, and the link exists.
// Proofs sign both hellos with their nonces, so that a recorded handshake
// cannot be used again. A look ends after the welcome: it tells which ID
// answers at an address without making a link.
//
// The handshake shows who holds which ID. It keeps strangers out only together
// with Config.Keys or Config.TLS, which put it inside TLS 1.3: then both sides
// have proved a cluster key or a certificate before a word of it is said, and
// the proofs are bound to the connection.
//
// # Concurrency
//
// All methods of [Endpoint] and [Link] may be called by many goroutines at
// once. Close of an Endpoint ends every goroutine that the package started and
// waits for them; it must therefore not be called from one of the package's
// own calls back (accept, frame, down).
package transport
