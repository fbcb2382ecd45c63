package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// applicationProtocol keeps links apart from whatever else speaks TLS: both
// sides must name it.
const applicationProtocol = "tribes/1"

// errForeignKey is why a peer is turned away that has shown a key, but none that
// is accepted. What wraps it names those that are, by their fingerprints.
var errForeignKey = errors.New("holds none of the keys of this node")

// A keyring is what follows from a list of cluster keys. It is never changed.
type keyring struct {
	accepted []ed25519.PublicKey // in the order of the keys
	config   *tls.Config         // for both sides
}

// newKeyring derives from each key the identity by which it is known, and makes
// the certificate of the first. Nothing in it but the public key counts.
func newKeyring(keys []Key) (*keyring, error) {
	r := &keyring{}
	var prints []string
	for _, k := range keys {
		prints = append(prints, k.Fingerprint())
		r.accepted = append(r.accepted, k.identity().Public().(ed25519.PublicKey))
	}
	identity := keys[0].identity()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		// All times there are: clocks need not agree, and a key has no end.
		NotBefore: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:  time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, identity.Public(), identity)
	if err != nil {
		return nil, fmt.Errorf("no certificate can be made for a key: %w", err)
	}
	certificate := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: identity}
	r.config = &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{applicationProtocol},
		ClientAuth: tls.RequireAnyClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return certificate, nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return certificate, nil
		},
		// There is no authority that signs: whose key it is, is all that
		// counts, and VerifyConnection looks at it on both sides.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if !r.accepts(identityOf(&s)) {
				return fmt.Errorf("%w (fingerprints here: %s)", errForeignKey, strings.Join(prints, ", "))
			}
			return nil
		},
		// A resumed session would rest on a key that may be gone since.
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
	}
	return r, nil
}

// accepts says whether a peer with this identity holds one of the keys.
func (r *keyring) accepts(identity ed25519.PublicKey) bool {
	return len(identity) > 0 && slices.ContainsFunc(r.accepted, func(k ed25519.PublicKey) bool { return bytes.Equal(k, identity) })
}

// identityOf returns the Ed25519 key that the other side has shown, or nil.
func identityOf(s *tls.ConnectionState) ed25519.PublicKey {
	if len(s.PeerCertificates) == 0 {
		return nil
	}
	key, _ := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	return key
}

// SetKeys replaces the cluster keys: new links use the first, all are accepted.
// Links with peers whose key is no longer accepted are closed; they may come
// back with another. The keys are 1 to MaxKeys, each once. It is an error if
// the endpoint began without keys; nothing has changed then.
func (e *Endpoint) SetKeys(keys []Key) error {
	if e.ring.Load() == nil {
		return errors.New("this node began without cluster keys, so its links have none; start it anew with keys")
	}
	if len(keys) == 0 {
		return errors.New("no keys; a node that began with keys cannot go on without")
	}
	if err := CheckKeys(keys); err != nil {
		return err
	}
	r, err := newKeyring(keys)
	if err != nil {
		return err
	}
	var stale []*Link
	e.mu.Lock()
	e.ring.Store(r)
	for l := range e.links {
		if !r.accepts(l.identity) {
			stale = append(stale, l)
		}
	}
	e.mu.Unlock()
	for _, l := range stale {
		_ = l.fail(fmt.Errorf("link to %s: its key is not accepted any more: %w", l.RemoteAddr(), ErrClosed))
	}
	return nil
}
