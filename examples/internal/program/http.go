package program

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTime is how long a client may take to send the header of a request, so
// that idle connections cannot pile up.
const headerTime = 10 * time.Second

// stopTime is how long requests that are being answered may still take once
// the program was asked to end.
const stopTime = 5 * time.Second

// An HTTPServer has its port from the moment it is made, so that a node can
// publish it, and answers once Serve was called; until then connections wait.
// A nil *HTTPServer is one that nobody asked for: all but Addr and Port may be
// called, and do nothing.
type HTTPServer struct {
	flagName string // that the address came from, for errors
	listener net.Listener
	server   *http.Server
	failed   chan error // receives at most one: why serving ended early
	serving  sync.WaitGroup
}

// Listen takes the address given with a flag. That it cannot is an error that
// names the flag.
func Listen(flagName, address string) (*HTTPServer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-%s %q: %w", flagName, address, err)
	}
	return &HTTPServer{
		flagName: flagName,
		listener: listener,
		server:   &http.Server{ReadHeaderTimeout: headerTime},
		failed:   make(chan error, 1),
	}, nil
}

// Serve begins to answer. It returns at once and is called once.
func (s *HTTPServer) Serve(handler http.Handler) {
	if s == nil {
		return
	}
	s.server.Handler = handler
	s.serving.Go(func() {
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("-%s %q: %w", s.flagName, s.Addr(), err)
		}
	})
}

// Addr is where it listens: the address of the flag with its real port.
func (s *HTTPServer) Addr() string { return s.listener.Addr().String() }

// Port is the port alone.
func (s *HTTPServer) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr()) // of a listener; cannot fail
	return port
}

// Failed receives the error if serving ends without Shutdown or Close.
func (s *HTTPServer) Failed() <-chan error {
	if s == nil {
		return nil
	}
	return s.failed
}

// Shutdown takes no more requests, lets those under way end for a few seconds,
// and cuts off what is left. A connection that was upgraded is not waited for.
func (s *HTTPServer) Shutdown() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	// An error means that time is up; Close deals with what is left.
	_ = s.server.Shutdown(ctx)
	s.Close()
}

// Close cuts everything off at once, as the end of a process would. It may be
// called more than once, and without Serve.
func (s *HTTPServer) Close() {
	if s == nil {
		return
	}
	s.listener.Close() // the server knows of it only once it serves
	s.server.Close()   // its error is the listener's, closed just before
	s.serving.Wait()
}
