package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

// doors are where requests come in. Each may be nil.
type doors struct {
	plain, secure *program.HTTPServer
	health        *program.HTTPServer
	certs         atomic.Pointer[[]tls.Certificate]
	before        program.Look // at the files of the certificate, before they were read
}

// open takes the addresses and reads the certificate. An address that is taken
// is an error: nothing is moved to another one.
func open(s *settings, logger *slog.Logger) (*doors, error) {
	d := &doors{before: program.LookAt(s.store.Files())}
	if s.https != "" {
		certs, err := certificates(s)
		if err != nil {
			return nil, err
		}
		if s.store.File == "" {
			logger.Info("no keystore is set; serving with a certificate that was made now", "for", certs[0].Leaf.Subject.CommonName)
		}
		d.certs.Store(&certs)
	}
	for _, one := range []struct {
		flagName, address string
		to                **program.HTTPServer
	}{{"http", s.http, &d.plain}, {"https", s.https, &d.secure}, {"health", s.health, &d.health}} {
		if one.address == "" {
			continue
		}
		server, err := program.Listen(one.flagName, one.address)
		if err != nil {
			d.close()
			return nil, err
		}
		*one.to = server
	}
	return d, nil
}

// certificates reads those of the settings, or makes one for the names that are
// known.
func certificates(s *settings) ([]tls.Certificate, error) {
	if s.store.File == "" {
		host, _, _ := net.SplitHostPort(s.advertise) // "" is no name
		names := []string{s.hostName, host}
		if s.hostName == "" {
			names = names[1:]
		}
		c, err := keystore.Make(names...)
		return []tls.Certificate{c}, err
	}
	password, err := program.Password("cert-password", s.certPassword)
	if err != nil {
		return nil, err
	}
	if password != "" {
		s.store.Password = password
	}
	certs, err := keystore.Load(s.store)
	if err != nil {
		return nil, &program.SettingError{Text: fmt.Sprintf("-cert (%s): %v", s.sources.From("cert"), err), Err: err}
	}
	return certs, nil
}

// read reads the certificate again; nil if there is none to read.
func (d *doors) read(s *settings) ([]tls.Certificate, error) {
	if s.https == "" || s.store.File == "" {
		return nil, nil
	}
	copied := *s // it may be called from two goroutines, and reading a password changes it
	return certificates(&copied)
}

// renew takes the certificate that is there now. What cannot be used is logged,
// and the old goes on.
func (d *doors) renew(s *settings, logger *slog.Logger) {
	certs, err := d.read(s)
	if err != nil {
		logger.Error("the certificate cannot be used; the old one goes on", "error", err)
		return
	}
	if certs == nil {
		return
	}
	d.certs.Store(&certs)
	logger.Info("the certificate was read again")
}

// port is the one that a server listens on, or "".
func port(s *program.HTTPServer) string {
	if s == nil {
		return ""
	}
	return s.Port()
}

// serve begins to answer.
func (d *doors) serve(s *settings, self func() membership.Member) {
	known := newSessions(self)
	if d.plain != nil {
		d.plain.Serve(answers(self, redirects{hostName: s.hostName, proxyPort: s.proxyPort, ownPort: d.plain.Port()}, known))
	}
	if d.secure != nil {
		d.secure.Secure(&tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return keystore.Choose(*d.certs.Load(), h)
		}})
		to := redirects{secure: true, hostName: s.hostName, proxyPort: s.proxyPortTLS, ownPort: d.secure.Port()}
		d.secure.Serve(answers(self, to, known))
	}
}

// shutdown lets requests under way end.
func (d *doors) shutdown() {
	var wg sync.WaitGroup
	wg.Go(d.plain.Shutdown)
	wg.Go(d.secure.Shutdown)
	wg.Wait()
	d.health.Shutdown()
}

// close cuts everything off.
func (d *doors) close() {
	d.plain.Close()
	d.secure.Close()
	d.health.Close()
}
