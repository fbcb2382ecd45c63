package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

// A stranger gets to see the public half of the key, and that a key is wanted:
// neither a name nor a domain, in plain or inside TLS.
func TestStrangersLearnNoNames(t *testing.T) {
	bubble(t, func(t *testing.T, n *memnet.Network) {
		nd := startNode(t, n, "secret-host", func(c *Config) {
			c.Keys, c.Cluster = []Key{NewKey()}, "secret-cluster"
			c.Domains = func() []Domain { return []Domain{{"secret-domain", RoleMember}} }
		})
		e, err := New(Config{Cluster: "guess"})
		require.NoError(t, err)
		defer e.Close()
		hello, err := newHandshake(e, &channel{}, "x").hello(PurposeLink, ID{})
		require.NoError(t, err)

		var heard bytes.Buffer
		conn := stranger(t, n, nd)
		_, err = conn.Write(framed(hello))
		require.NoError(t, err)
		require.NoError(t, conn.(*memnet.Conn).CloseWrite())
		_, _ = heard.ReadFrom(conn)
		require.Contains(t, heard.String(), "wants a key")

		_, own, err := ed25519.GenerateKey(nil)
		require.NoError(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		cert, err := x509.CreateCertificate(nil, template, template, own.Public(), own)
		require.NoError(t, err)
		for _, shown := range []tls.Certificate{{}, {Certificate: [][]byte{cert}, PrivateKey: own}} {
			tc := tls.Client(stranger(t, n, nd), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{applicationProtocol},
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil }})
			require.NoError(t, tc.Handshake(), "its side of TLS is complete before the node has refused")
			_, _ = tc.Write(framed(hello))
			inside, err := io.ReadAll(tc)
			require.Error(t, err)
			require.Empty(t, inside)
			heard.Write(tc.ConnectionState().PeerCertificates[0].Raw)
			heard.WriteString(err.Error())
		}
		require.NotContains(t, heard.String(), "secret")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Empty(t, nd.links)
	})
}
