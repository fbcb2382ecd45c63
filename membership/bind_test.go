package membership

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport"
)

// An authority signs certificates that are good in the bubble's time.
type authority struct {
	b    *bubble
	key  ed25519.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func (b *bubble) authority() *authority {
	b.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(b, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, key)
	require.NoError(b, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(b, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{b, key, cert, pool}
}

// certificate has a node show a certificate for its host and for a name, of
// which something is bound.
func (a *authority) certificate(host int, name string, bind transport.Binding) func(c *Config) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(a.b, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(ip(host))}, URIs: []*url.URL{{Scheme: "spiffe", Host: "test", Path: "/" + name}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, pub, a.key)
	require.NoError(a.b, err)
	return func(c *Config) {
		c.Bind = bind
		c.TLS = &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			RootCAs:      a.pool, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		}
	}
}

func name(s string) func(c *Config) { return func(c *Config) { c.Name = s } }

func TestANameThatIsNotInTheCertificate(t *testing.T) {
	inBubble(t, func(b *bubble) {
		ca := b.authority()
		a := b.join(1, name("n1"), ca.certificate(1, "n1", transport.BindName))
		b.join(2, name("spiffe://test/n2"), ca.certificate(2, "n2", transport.BindName))
		b.pass(time.Second)
		require.Equal(b, 2, a.Own().View().Len())
		err, _ := b.joinFails(3, name("n1-too"), ca.certificate(3, "n3", transport.BindName))
		require.ErrorContains(b, err, `record refused: name "n1-too" is not in the certificate shown`)
		b.pass(time.Second)
		require.Equal(b, 2, a.Own().View().Len())
		require.NotEmpty(b, b.log.having("its name is not in its certificate", "peer="+addr(3)))

		unbound := b.start(4, name("any"), ca.certificate(4, "n4", transport.BindNothing))
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
		defer cancel()
		require.Error(b, unbound.Joined(ctx), "what is bound is decided by whoever lets in")
	})
}

func TestAnAddressThatIsNotInTheCertificate(t *testing.T) {
	inBubble(t, func(b *bubble) {
		ca := b.authority()
		a := b.join(1, ca.certificate(1, "n1", transport.BindAddress))
		b.join(2, name("any"), ca.certificate(2, "n2", transport.BindAddress))
		b.pass(time.Second)
		require.Equal(b, 2, a.Own().View().Len())
		err, took := b.joinFails(3, ca.certificate(9, "n3", transport.BindNothing))
		require.Less(b, took, time.Second)
		require.ErrorContains(b, err, "certificate not valid for the advertised address 10.0.0.3:4000")
	})
}

func TestTLSThatIsNotFitForLinks(t *testing.T) {
	inBubble(t, func(b *bubble) {
		ca := b.authority()
		for says, change := range map[string]func(c *Config){
			"Config.TLS: not fit for links: want that both sides verify each other: ClientAuth is NoClientCert": func(c *Config) {
				c.TLS.ClientAuth = tls.NoClientCert
			},
			"Config.Keys: 1 keys: want no keys together with Config.TLS": keys(transport.NewKey()),
		} {
			_, err := Start(b.config(1, ca.certificate(1, "n1", transport.BindNothing), change))
			var bad *ConfigError
			require.ErrorAs(b, err, &bad)
			require.ErrorContains(b, err, says)
		}
	})
}
