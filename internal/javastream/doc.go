// Package javastream reads and writes the object streams of Java, as far as
// Tribes needs them. Classes are data here: a name, a number, fields. No class
// that a peer names is ever looked for, and nothing a peer sends is executed.
//
// The reader understands the whole grammar but externalizable objects that do
// not say where they end, and skips what nobody asked for. Everything has a
// bound: depth, handles, values, fields.
package javastream
