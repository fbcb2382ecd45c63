package program

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTime is how long a client may take to send the header of a request, so
// that idle connections cannot pile up.
const headerTime = 10 * time.Second

// Limits bound what clients can do to an HTTPServer. Zero values are the
// defaults.
type Limits struct {
	Header      int           // bytes of a request's header. Default: 64 KiB
	HeaderTime  time.Duration // for sending it. Default: 10 s
	Idle        time.Duration // between two requests. Default: 2 min
	Connections int           // at a time; further ones are closed. Default: 20,000
	Stop        time.Duration // for requests under way once Shutdown was called. Default: 5 s
}

// Defaults of Limits.
const (
	defaultHeader      = 64 << 10
	defaultIdle        = 2 * time.Minute
	defaultConnections = 20_000
	defaultStop        = 5 * time.Second
)

// An HTTPServer has its port from the moment it is made, so that a node can
// publish it, and answers once Serve was called; until then connections wait.
// A nil *HTTPServer is one that nobody asked for: all but Addr and Port may be
// called, and do nothing.
type HTTPServer struct {
	flagName string // that the address came from, for errors
	listener net.Listener
	server   *http.Server
	secure   bool // over TLS
	stop     time.Duration
	most     int        // connections
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
	s := &HTTPServer{
		flagName: flagName,
		listener: listener,
		server:   &http.Server{ConnState: use},
		failed:   make(chan error, 1),
	}
	return s.Bound(Limits{}), nil
}

// Bound sets the limits. It is called before Serve, if at all, and returns s.
func (s *HTTPServer) Bound(l Limits) *HTTPServer {
	s.server.MaxHeaderBytes = cmp.Or(l.Header, defaultHeader)
	s.server.ReadHeaderTimeout = cmp.Or(l.HeaderTime, headerTime)
	s.server.IdleTimeout = cmp.Or(l.Idle, defaultIdle)
	s.stop = cmp.Or(l.Stop, defaultStop)
	s.most = cmp.Or(l.Connections, defaultConnections)
	return s
}

// Secure makes it serve over TLS, HTTP/2 and HTTP/1.1. It is called before
// Serve, if at all.
func (s *HTTPServer) Secure(config *tls.Config) {
	s.server.TLSConfig, s.secure = config, true
}

// Log says where net/http reports what strangers do, as failed handshakes. It is
// called before Serve, if at all.
func (s *HTTPServer) Log(h slog.Handler) { s.server.ErrorLog = slog.NewLogLogger(h, slog.LevelInfo) }

// Serve begins to answer. It returns at once and is called once.
func (s *HTTPServer) Serve(handler http.Handler) {
	if s == nil {
		return
	}
	s.server.Handler = handler
	listener := newBounded(s.listener, s.most)
	s.server.RegisterOnShutdown(listener.end)
	s.serving.Go(func() {
		serve := s.server.Serve
		if s.secure {
			serve = func(l net.Listener) error { return s.server.ServeTLS(l, "", "") } // from its configuration
		}
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
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
// and cuts off what is left. A connection that was upgraded is not waited for,
// nor one that is kept without a request.
func (s *HTTPServer) Shutdown() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.stop)
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
