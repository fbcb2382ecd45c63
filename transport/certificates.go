package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// A Binding says what of a member must stand in its certificate.
type Binding uint8

// The bindings.
const (
	// BindNothing: whoever has a certificate that is accepted may say any
	// address and any name of itself.
	BindNothing Binding = 0
	// BindAddress: the host of the advertised address is among the DNS names or
	// IP addresses of the certificate.
	BindAddress Binding = 1
	// BindName: the member's name is the common name of the certificate, or
	// among its DNS names or URIs. It is checked by package membership.
	BindName Binding = 2
)

// String returns the binding's name.
func (b Binding) String() string {
	if b == BindNothing {
		return "nothing"
	}
	return name("binding", uint8(b), "address", "name")
}

// CheckTLS says what is wrong with a configuration for links, see Config.TLS.
func CheckTLS(c *tls.Config) error {
	if err := checkTLS(c); err != nil {
		return err
	}
	if len(c.Certificates) == 0 && c.GetClientCertificate == nil {
		return errors.New("no certificate for links that this node dials: want Certificates or GetClientCertificate")
	}
	return nil
}

// ownCertificates returns the configuration for links out of the caller's, or
// what is wrong with it.
func ownCertificates(given *tls.Config) (*tls.Config, error) {
	if err := CheckTLS(given); err != nil {
		return nil, err
	}
	config := forLinks(given)
	if ask := given.GetConfigForClient; ask != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := ask(hello)
			if chosen == nil || err != nil {
				return nil, err
			}
			if err := checkTLS(chosen); err != nil {
				return nil, fmt.Errorf("Config.TLS.GetConfigForClient: %w", err)
			}
			return forLinks(chosen), nil
		}
	}
	return config, nil
}

// forLinks returns a copy with what every link needs.
func forLinks(given *tls.Config) *tls.Config {
	config := given.Clone()
	config.MinVersion = tls.VersionTLS13
	config.NextProtos = []string{applicationProtocol}
	// Certificates are looked at for every link: resuming would pass them by.
	config.SessionTicketsDisabled = true
	config.ClientSessionCache = nil
	config.GetConfigForClient = nil
	return config
}

// checkTLS refuses what would let strangers in.
func checkTLS(c *tls.Config) error {
	verifies := c.VerifyConnection != nil || c.VerifyPeerCertificate != nil
	switch {
	case c.ClientAuth == tls.RequireAnyClientCert && !verifies,
		c.ClientAuth != tls.RequireAnyClientCert && c.ClientAuth != tls.RequireAndVerifyClientCert:
		return fmt.Errorf("ClientAuth is %v: want RequireAndVerifyClientCert, as both sides must show a certificate", c.ClientAuth)
	case c.ClientAuth == tls.RequireAndVerifyClientCert && c.ClientCAs == nil:
		return errors.New("ClientCAs is empty, so any certificate of a public authority would do: want the cluster's own")
	case c.InsecureSkipVerify && !verifies:
		return errors.New("InsecureSkipVerify is set, and nothing verifies in its place: want VerifyConnection, or leave it out")
	case !c.InsecureSkipVerify && c.RootCAs == nil:
		return errors.New("RootCAs is empty, so any certificate of a public authority would do: want the cluster's own")
	case c.MaxVersion != 0 && c.MaxVersion < tls.VersionTLS13:
		return errors.New("MaxVersion is below TLS 1.3, which links use")
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		return errors.New("no certificate for links that others dial: want Certificates or GetCertificate")
	}
	return nil
}

// isCertificateError says that a certificate was looked at and found wanting.
func isCertificateError(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	for _, is := range []func(error) bool{
		is[x509.CertificateInvalidError], is[x509.HostnameError], is[x509.UnknownAuthorityError],
	} {
		if is(err) {
			return true
		}
	}
	return false
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// checkDialer is checkBinding for the accepting side: who only asks may have no
// address. What was dialled always has one, whatever it says of itself.
func (e *Endpoint) checkDialer(h *handshake) error {
	if h.peer.Purpose == PurposeAsk && h.peer.Advertise == "" {
		return nil
	}
	return e.checkBinding(h)
}

// checkBinding looks whether the certificate of a peer is for the address that
// it advertises.
func (e *Endpoint) checkBinding(h *handshake) error {
	if e.cfg.Bind != BindAddress || h.channel.certificate == nil {
		return nil
	}
	host, _, err := net.SplitHostPort(h.peer.Advertise)
	if err == nil {
		err = h.channel.certificate.VerifyHostname(host)
	}
	if err != nil {
		return &RefusedError{Code: CodeKey, Address: h.address, Text: printable(fmt.Sprintf(
			"certificate not valid for the advertised address %s: %v", h.peer.Advertise, err))}
	}
	return nil
}
