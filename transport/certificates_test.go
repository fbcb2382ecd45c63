package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/loglimit"
	"github.com/gotribes/tribes/transport/memnet"
)

// An authority signs certificates. It is made where it is used: in a bubble it
// is the year 2000.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the cluster's own"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{t, key, cert, pool}
}

// sign makes a certificate for hosts that ends after a while.
func (a *authority) sign(ends time.Duration, hosts ...string) *tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(ends),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(a.t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// config is mutual TLS with a certificate that may be changed later.
func (a *authority) config(own *atomic.Pointer[tls.Certificate]) *tls.Config {
	return &tls.Config{
		RootCAs: a.pool, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.Load(), nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.Load(), nil },
	}
}

// certified is a node with a certificate for its host, and what it shows.
func certified(t *testing.T, n *memnet.Network, a *authority, host string, own *tls.Certificate) (*node, *atomic.Pointer[tls.Certificate]) {
	t.Helper()
	shown := &atomic.Pointer[tls.Certificate]{}
	shown.Store(own)
	return startNode(t, n, host, func(c *Config) { c.TLS, c.Bind = a.config(shown), BindAddress }), shown
}

func TestOwnCertificates(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		ca := newAuthority(t)
		a, shown := certified(t, n, ca, "a", ca.sign(time.Hour, "a"))
		b, _ := certified(t, n, ca, "b", ca.sign(24*time.Hour, "b"))
		x, y := linked(t, a, b)
		require.Equal(t, []string{"b"}, x.Certificate().DNSNames)
		require.Equal(t, []string{"a"}, y.Certificate().DNSNames)
		require.NoError(t, x.Send([]byte("hello")))
		require.Equal(t, "hello", <-y.got)

		time.Sleep(time.Hour + time.Minute) // a's has ended
		r := refusal(t, a, b)
		require.Equal(t, CodeKey, r.Code)
		require.Contains(t, r.Text, "certificate not accepted by b:4000")
		r = refusal(t, b, a)
		require.Contains(t, r.Text, "certificate of a:4000 not accepted")
		require.Contains(t, r.Text, "expired")
		reason, ok := errors.AsType[x509.CertificateInvalidError](r)
		require.True(t, ok, "what is wrong can be told without reading the text")
		require.Equal(t, x509.Expired, reason.Reason)
		time.Sleep(2 * time.Second)
		require.Len(t, b.log.lines(), 1)
		require.Contains(t, b.log.lines()[0], "certificate of the dialer not accepted")
		require.Contains(t, b.log.lines()[0], "expired")

		shown.Store(ca.sign(24*time.Hour, "a")) // and is renewed, without a restart
		for _, way := range [][2]*node{{a, b}, {b, a}} {
			_, err := way[0].Look(t.Context(), way[1].address, ID{})
			require.NoError(t, err)
		}
	})
}

func TestCertificatesThatAreNotAccepted(t *testing.T) {
	for name, c := range map[string]struct {
		own   func(cluster, other *authority) *tls.Certificate
		there string
	}{
		"another authority's": {func(_, other *authority) *tls.Certificate { return other.sign(time.Hour, "a") }, "unknown authority"},
		"expired":             {func(cluster, _ *authority) *tls.Certificate { return cluster.sign(-time.Minute, "a") }, "expired"},
		"for another address": {func(cluster, _ *authority) *tls.Certificate { return cluster.sign(time.Hour, "c") },
			"certificate not valid for the advertised address a:4000"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				ca, other := newAuthority(t), newAuthority(t)
				own := &atomic.Pointer[tls.Certificate]{}
				own.Store(c.own(ca, other))
				a := startNode(t, n, "a", func(cfg *Config) { cfg.TLS = ca.config(own) })
				b, _ := certified(t, n, ca, "b", ca.sign(time.Hour, "b"))
				require.Equal(t, CodeKey, refusal(t, a, b).Code)
				require.Equal(t, CodeKey, refusal(t, b, a).Code)
				time.Sleep(2 * time.Second)
				require.Empty(t, b.links)
				require.Len(t, b.log.lines(), 1)
				require.Contains(t, b.log.lines()[0], c.there)
			})
		})
	}
	bubble(t, func(t *testing.T, n *memnet.Network) {
		ca := newAuthority(t)
		b, _ := certified(t, n, ca, "b", ca.sign(time.Hour, "b"))
		keyed, plain := startNode(t, n, "a", withKeys(NewKey())), startNode(t, n, "p", nil)
		require.Contains(t, refusal(t, keyed, b).Text, "key not accepted by b:4000")
		require.Contains(t, refusal(t, plain, b).Text, "the other side wants a certificate")
		require.Contains(t, refusal(t, b, plain).Text, "certificate not accepted by p:4000: it has none itself")
		time.Sleep(2 * time.Second)
		synctest.Wait()
	})
}

func TestTLSThatWouldLetStrangersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		own := &atomic.Pointer[tls.Certificate]{}
		own.Store(ca.sign(time.Hour, "a"))
		yes := func(tls.ConnectionState) error { return nil }
		for says, change := range map[string]func(c *tls.Config){
			"ClientAuth is NoClientCert":                    func(c *tls.Config) { c.ClientAuth = tls.NoClientCert },
			"ClientAuth is VerifyClientCertIfGiven":         func(c *tls.Config) { c.ClientAuth = tls.VerifyClientCertIfGiven },
			"ClientAuth is RequireAnyClientCert":            func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert },
			"ClientCAs is empty":                            func(c *tls.Config) { c.ClientCAs = nil },
			"RootCAs is empty":                              func(c *tls.Config) { c.RootCAs = nil },
			"InsecureSkipVerify is set":                     func(c *tls.Config) { c.InsecureSkipVerify = true },
			"MaxVersion is below TLS 1.3":                   func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			"no certificate for links that others dial":     func(c *tls.Config) { c.GetCertificate = nil },
			"no certificate for links that this node dials": func(c *tls.Config) { c.GetClientCertificate = nil },
		} {
			c := ca.config(own)
			change(c)
			_, err := New(Config{TLS: c})
			require.ErrorContains(t, err, "Config.TLS: "+says)
		}
		for _, change := range []func(c *tls.Config){
			func(*tls.Config) {},
			func(c *tls.Config) {
				c.ClientAuth, c.InsecureSkipVerify, c.VerifyConnection = tls.RequireAnyClientCert, true, yes
				c.ClientCAs, c.RootCAs = nil, nil
			},
		} {
			c := ca.config(own)
			change(c)
			e, err := New(Config{TLS: c})
			require.NoError(t, err)
			require.NoError(t, e.Close())
		}
		_, err := New(Config{TLS: ca.config(own), Keys: []Key{NewKey()}})
		require.ErrorContains(t, err, "Config.Keys: set together with Config.TLS")
		_, err = New(Config{Bind: BindAddress})
		require.ErrorContains(t, err, "Config.Bind: address is set without Config.TLS")
	})
}

// What checks the caller has of its own, and authorities that change.
func TestTheCallersOwnChecks(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		ca := newAuthority(t)
		own := &atomic.Pointer[tls.Certificate]{}
		own.Store(ca.sign(time.Hour, "a", "b"))
		var chosen atomic.Pointer[tls.Config]
		a := startNode(t, n, "a", func(c *Config) { c.TLS = ca.config(own) })
		b := startNode(t, n, "b", func(c *Config) {
			c.TLS = ca.config(own)
			c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen.Load(), nil }
			c.TLS.VerifyConnection = func(tls.ConnectionState) error { return errors.New("not on the list") }
		})
		require.Contains(t, refusal(t, a, b).Text, "certificate not accepted by b:4000")
		require.Contains(t, refusal(t, b, a).Text, "not on the list")
		chosen.Store(ca.config(own)) // without that check
		_, err := a.Look(t.Context(), b.address, ID{})
		require.NoError(t, err)
		open := ca.config(own)
		open.ClientAuth = tls.NoClientCert
		chosen.Store(open)
		refusal(t, a, b)
		time.Sleep(loglimit.Period)
		require.NotEmpty(t, b.log.lines())
	})
}
