package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// A socket is a TCP connection whose reads and writes the Go runtime does not
// take for calls that may last. Its descriptor never waits, and a heartbeat is a
// few microseconds; but of a call that may last the runtime's watching thread is
// told, which then wakes every 20 µs for a while, in a process that would
// otherwise go back to sleep. Sixty processes on two processors that each had a
// few messages to read and to write spent a quarter of the time on that
// (docs/decisions/0014-calls-that-do-not-last.md).
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// A transfer is a read or write under way. Its fields carry the arguments and
// results, so that it allocates nothing.
type transfer struct {
	mu   sync.Mutex
	try  func(fd uintptr) bool
	p    []byte
	n    int
	code syscall.Errno
}

// quick returns the connection as a socket, or as it is if it is of another kind.
func quick(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	s := &socket{TCPConn: tcp, raw: raw}
	s.in.try = func(fd uintptr) bool {
		s.in.n, s.in.code = transferNow(syscall.SYS_READ, fd, s.in.p)
		return s.in.code != syscall.EAGAIN
	}
	s.out.try = func(fd uintptr) bool {
		for len(s.out.p) > 0 {
			n, code := transferNow(syscall.SYS_WRITE, fd, s.out.p)
			if s.out.code = code; code != 0 {
				return code != syscall.EAGAIN
			}
			s.out.n += n
			s.out.p = s.out.p[n:]
		}
		return true
	}
	return s
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.in.run(s.raw.Read, p)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, s.failed("read", err)
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.out.run(s.raw.Write, p)
	return n, s.failed("write", err)
}

func (t *transfer) run(wait func(func(fd uintptr) bool) error, p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.p, t.n, t.code = p, 0, 0
	err := wait(t.try)
	t.p = nil
	if err == nil && t.code != 0 {
		err = t.code
	}
	return t.n, err
}

// failed says what package net says of such an error.
func (s *socket) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	if waiting, ok := errors.AsType[*net.OpError](err); ok {
		err = waiting.Err
	} else {
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}

// transferNow reads or writes what the socket has or takes at once; p is not
// empty.
func transferNow(call, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, code := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch code {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, code
		}
	}
}

// canTry says that a socket can be written to without waiting: Go's sockets
// are in non-blocking mode.
const canTry = true

// tryWrite writes what the socket takes at once.
func tryWrite(fd uintptr, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, code := transferNow(syscall.SYS_WRITE, fd, p)
	if code == 0 || code == syscall.EAGAIN {
		return n, nil
	}
	return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", code)}
}
