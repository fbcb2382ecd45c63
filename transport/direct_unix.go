//go:build unix && !linux

package transport

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// canTry says that a socket can be written to without waiting: Go's sockets
// are in non-blocking mode.
const canTry = true

// tryWrite writes what the socket takes at once.
func tryWrite(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		default:
			return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", err)}
		}
	}
}
