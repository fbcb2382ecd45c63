//go:build !unix

package transport

const canTry = false

// tryWrite is not called.
func tryWrite(uintptr, []byte) (int, error) { return 0, nil }
