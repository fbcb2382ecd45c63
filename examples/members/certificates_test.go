package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
)

// An authority signs certificates, and writes them into files.
type authority struct {
	*testing.T
	name string
	tls.Certificate
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{T: t, name: name}
	a.Certificate = a.sign(func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.Subject.CommonName = name
	})
	return a
}

// sign makes a certificate for 127.0.0.1 and both uses, unless changed; the
// authority's own while there is none.
func (a *authority) sign(change func(c *x509.Certificate)) tls.Certificate {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "a node"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, any(key)
	if a.Leaf != nil {
		parent, signer = a.Leaf, a.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(a, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(a, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// file writes a certificate and its key.
func (a *authority) file(c tls.Certificate) string {
	a.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(a, err)
	var b bytes.Buffer
	require.NoError(a, pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	require.NoError(a, pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	path := filepath.Join(a.TempDir(), "cert.pem")
	require.NoError(a, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

// flags are what is given to the program to have a certificate.
func (a *authority) flags(change func(c *x509.Certificate)) []string {
	return []string{"-cert", a.file(a.sign(change)), "-members-ca", a.file(a.Certificate)}
}

// member starts a node with a certificate and returns its address.
func (a *authority) member(change func(c *x509.Certificate), more func(c *tls.Config)) string {
	a.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.Leaf)
	config := &tls.Config{Certificates: []tls.Certificate{a.sign(change)}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert}
	if more != nil {
		more(config)
	}
	return member(a.T, func(c *membership.Config) { c.TLS = config })
}

func expired(c *x509.Certificate)  { c.NotAfter = time.Now().Add(-time.Hour) }
func early(c *x509.Certificate)    { c.NotBefore = time.Now().Add(time.Hour) }
func named(c *x509.Certificate)    { c.IPAddresses, c.DNSNames = nil, []string{"node.example.test"} }
func otherUse(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] }
func oneUse(c *x509.Certificate)   { c.ExtKeyUsage = c.ExtKeyUsage[:1] }

func TestTheDoctorFindsWhatIsWrongWithCertificates(t *testing.T) {
	ca, other := newAuthority(t, "the cluster's"), newAuthority(t, "another")
	good, plain := ca.member(nil, nil), member(t, nil)
	keyed := member(t, func(c *membership.Config) { c.Keys = []transport.Key{transport.NewKey()} })
	name := ca.member(named, nil)
	own := ca.flags(nil)
	for about, c := range map[string]struct {
		address string
		flags   []string
		code    int
		says    []string
	}{
		"nothing":                  {good, append(own, "-domain", "d"), 0, []string{"all is well"}},
		"nothing, dialled back":    {good, append(own, "-advertise", free(t)), 0, []string{"all is well"}},
		"nothing, by another name": {name, append(own, "-members-name", "node.example.test"), 0, []string{"all is well"}},
		"TLS there alone":          {good, nil, 21, []string{"on one side only, there", "give -cert"}},
		"TLS here alone":           {plain, own, 21, []string{"one side only, here", "leave -cert"}},
		"a key here":               {good, []string{"-key-file", keyFile(t, transport.NewKey())}, 21, []string{"in place of -key-file"}},
		"a key there":              {keyed, own, 21, []string{"cluster key there", "give -key-file"}},
		"another authority there":  {other.member(nil, nil), own, 22, []string{`issued by "CN=another"`, "give -members-ca"}},
		"another authority here": {good, []string{own[0], other.file(other.sign(nil)), own[2], own[3]}, 22,
			[]string{`-cert was issued by "CN=another"`, "ClientCAs"}},
		"one that has expired there":   {ca.member(expired, nil), own, 23, []string{"the certificate there is for", "for the node there"}},
		"one that is not yet good":     {ca.member(early, nil), own, 23, []string{"set the clock here"}},
		"one that has expired here":    {good, ca.flags(expired), 23, []string{"-cert is for", "have a new one issued"}},
		"one for another name there":   {name, own, 24, []string{"is for node.example.test", "-members-name", "issued for 127.0.0.1"}},
		"one for another name here":    {good, append(ca.flags(named), "-advertise", free(t)), 24, []string{"-cert is not for 127.0.0.1"}},
		"one that servers alone show":  {good, ca.flags(oneUse), 25, []string{"not for both servers and clients"}},
		"one that clients alone show":  {ca.member(otherUse, nil), own, 25, []string{"for servers and clients"}},
		"one that is on nobody's list": {ca.member(nil, refuseAll), own, 25, []string{"the log of the node there"}},
	} {
		t.Run(about, func(t *testing.T) {
			code, said := call(t, append([]string{"doctor", "-wka", c.address}, c.flags...)...)
			require.Equal(t, c.code, code, said)
			for _, text := range c.says {
				require.Contains(t, said, text)
			}
		})
	}
}

// refuseAll has a node accept nobody for a reason of its own.
func refuseAll(c *tls.Config) {
	c.VerifyConnection = func(tls.ConnectionState) error { return os.ErrPermission }
}

func TestAllCommandsWorkWithCertificates(t *testing.T) {
	ca := newAuthority(t, "the cluster's")
	address := ca.member(nil, nil)
	asked := append([]string{"-wka", address, "-domain", "d"}, ca.flags(nil)...)
	code, said := call(t, asked...)
	require.Zero(t, code, said)
	require.Contains(t, said, "1 members")
	code, said = call(t, append([]string{"why", address}, asked...)...)
	require.Zero(t, code, said)
	require.Contains(t, said, "memberAdded joined")

	ctx, stop := context.WithCancel(t.Context())
	out := &screen{wrote: make(chan struct{}, 1)}
	ended := make(chan error)
	go func() { ended <- run(ctx, append([]string{"-watch", "-every", "100ms"}, asked...), out, out) }()
	for !strings.Contains(out.String(), "1 members") {
		<-out.wrote
	}
	stop()
	require.NoError(t, <-ended)
}

// A screen can be read while it is written to.
type screen struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{} // has one after something was written
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		select {
		case s.wrote <- struct{}{}:
		default:
		}
	}()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestFlagsOfCertificatesGoTogether(t *testing.T) {
	ca := newAuthority(t, "the cluster's")
	own := ca.flags(nil)
	for says, flags := range map[string][]string{
		"-cert is not set":       own[2:],
		"-members-ca is not set": own[:2],
		"nodes have one of the":  append(own, "-key-file", keyFile(t, transport.NewKey())),
		"-cert: ":                {"-cert", filepath.Join(t.TempDir(), "none"), own[2], own[3]},
		"-members-ca: ":          {own[0], own[1], "-members-ca", keyFile(t, transport.NewKey())},
		"-cert-password: ":       append(own, "-cert-password", filepath.Join(t.TempDir(), "none")),
	} {
		code, said := call(t, append([]string{"doctor", "-wka", "127.0.0.1:1"}, flags...)...)
		require.Equal(t, 2, code, said)
		require.Contains(t, said, says)
	}
}
