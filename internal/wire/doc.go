// Package wire holds the messages of the tribes protocol and their codec.
//
// A frame's payload is a message: an unsigned kind followed by one map from
// small unsigned field numbers to values, all in msgpack. Unknown fields and
// unknown kinds are skipped, so that versions can mix; no field comes twice in
// one map. Every length is checked against a limit and against what is left of
// the frame before anything is allocated.
//
// Records and accusations travel as the bytes that their writer signed, or, in a
// first record, that its ID is made of ([Record.Body], [Accusation.Body]); a relay
// passes these bytes on unchanged, fields that it does not know included.
package wire
