// Package tribes carries messages to and from Java processes that speak Apache
// Tribes, the group communication of Tomcat and Axis2, over TCP.
//
// It has the codec (frames, messages, member blocks of both layouts,
// acknowledgements, control messages, properties) and the connections: an
// [Endpoint] accepts, answers probes at once, acknowledges, filters messages
// that were sent twice, and sends over one kept connection per peer and lane,
// once more on a new connection if no acknowledgement comes.
//
// Who belongs to a group, and what messages mean, is for package
// github.com/gotribes/tribes/membership/tribes.
//
// The protocol has no handshake, no authentication and no encryption: a peer is
// whoever its member block says it is. Whoever reaches the port can send.
// Everything that is read has a bound, and a mismatch closes the connection.
package tribes
