package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/gotribes/tribes/membership/inspect"
	"github.com/gotribes/tribes/transport"
)

// What nodes let in by.
type lock uint8

const (
	locksUnknown lock = iota
	locksNone
	locksKey
	locksCertificate
)

// lockOf asks without key and certificate what is wanted.
func (s *settings) lockOf(ctx context.Context, address string) lock {
	c, err := inspect.Dial(ctx, inspect.Config{Cluster: s.cluster}, address)
	if err == nil {
		_ = c.Close()
		return locksNone
	}
	r, ok := errors.AsType[*transport.RefusedError](err)
	switch {
	case !ok, r.Code == transport.CodeBusy: // said before anything was looked at
		return locksUnknown
	case r.Code != transport.CodeKey:
		return locksNone // it was not for the want of one
	case strings.Contains(r.Text, "certificate"):
		return locksCertificate
	}
	return locksKey
}

// unlocked sorts a no to the key or the certificate, or to the want of one.
func (s *settings) unlocked(ctx context.Context, address string, r *transport.RefusedError) *finding {
	there := s.lockOf(ctx, address)
	key := func(remedy string) *finding { return &finding{Code: 14, What: r.Error(), Remedy: remedy} }
	oneSide := func(what, remedy string) *finding {
		return &finding{Code: 21, What: what + ": " + r.Error(), Remedy: remedy}
	}
	switch {
	case s.tls != nil && there == locksNone:
		return oneSide("TLS on one side only, here", "leave -cert and -members-ca out, or give the nodes there certificates")
	case s.tls != nil && there == locksKey:
		return oneSide("certificates here, a cluster key there",
			"give -key-file the file that the nodes have, in place of -cert and -members-ca")
	case s.tls != nil:
		return s.certificate(address, r)
	case there == locksCertificate && len(s.keys) > 0:
		return oneSide("certificates there, a cluster key here",
			"give -cert and -members-ca of the nodes' authority, in place of -key-file")
	case there == locksCertificate:
		return oneSide("TLS on one side only, there",
			"give -cert a certificate of the nodes' authority with its key, and -members-ca that authority's own")
	case len(s.keys) == 0:
		return key("a key is needed: give -key-file the file that the nodes have")
	case there == locksNone:
		return key("no key is needed: leave -key-file out, or give the nodes there the key")
	}
	return key("the key is another one: compare the fingerprints, here " + s.keys[0].Fingerprint())
}

// certificate sorts what is wrong between two sides that both have one.
func (s *settings) certificate(address string, r *transport.RefusedError) *finding {
	bad := func(code int, remedy string) *finding { return &finding{Code: code, What: r.Error(), Remedy: remedy} }
	host, _, _ := net.SplitHostPort(address)
	host = cmp.Or(s.memberName, host)
	if e, ok := errors.AsType[x509.UnknownAuthorityError](r); ok {
		return bad(22, fmt.Sprintf("the certificate there was issued by %q, which is not in -members-ca: give -members-ca that authority, "+
			"or correct the address", issuer(e.Cert)))
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](r); ok && e.Reason == x509.Expired {
		return bad(23, fmt.Sprintf("the certificate there is for %s, and here it is %s: have a new one issued for the node there, "+
			"or set the clock here", lifetime(e.Cert), time.Now().UTC().Format(time.DateTime)))
	}
	if e, ok := errors.AsType[x509.HostnameError](r); ok {
		return bad(24, fmt.Sprintf("the certificate there is for %s: ask by such a name, give it with -members-name, "+
			"or have one issued for %s", names(e.Certificate), host))
	}
	if errors.Unwrap(r) != nil {
		return bad(25, "have a certificate for servers and clients issued for the node there")
	}
	return s.ours(r.Error())
}

// ours sorts why nodes do not accept the certificate here. All they say is one
// word of TLS.
func (s *settings) ours(what string) *finding {
	bad := func(code int, remedy string) *finding { return &finding{Code: code, What: what, Remedy: remedy} }
	switch own := s.leaf(); {
	// One whose authority is not on the list that comes with TLS's question is
	// not even shown.
	case strings.Contains(what, "unknown certificate authority"), strings.Contains(what, "unknown authority"),
		strings.Contains(what, "certificate required"):
		return bad(22, fmt.Sprintf("-cert was issued by %q, which the nodes there do not accept: "+
			"have one issued by their authority, or add this one to their ClientCAs and RootCAs", issuer(own)))
	case strings.Contains(what, "expired"):
		return bad(23, fmt.Sprintf("-cert is for %s: have a new one issued, or set the clocks here and there", lifetime(own)))
	case !bothWays(own):
		return bad(25, "-cert is not for both servers and clients: have one issued that is")
	}
	return bad(25, "the log of the node there says what it does not accept about -cert: have another one issued")
}

// rejected sorts why the asked node, dialling back, has refused who listens
// here.
func (s *settings) rejected(text string) *finding {
	what := fmt.Sprintf("the asked node does not accept who answers at %s: %s", s.advertise, text)
	host, _, _ := net.SplitHostPort(s.advertise)
	host = cmp.Or(s.memberName, host)
	if s.leaf().VerifyHostname(host) != nil {
		return &finding{Code: 24, What: what, Remedy: fmt.Sprintf(
			"-cert is not for %s: have one issued for it, or advertise a host that it is for", host)}
	}
	return s.ours(what)
}

// issuer is who has signed a certificate.
func issuer(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return c.Issuer.String()
}

// names are what a certificate is for.
func names(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return cmp.Or(strings.Join(all, ", "), "no name or address (a common name does not count)")
}

// lifetime is from when to when a certificate is good.
func lifetime(c *x509.Certificate) string {
	if c == nil {
		return "another time"
	}
	return c.NotBefore.UTC().Format(time.DateTime) + " to " + c.NotAfter.UTC().Format(time.DateTime) + " UTC"
}
