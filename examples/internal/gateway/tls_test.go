package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/membership"
)

// secure is a backend over TLS with HTTP/2. Its name is node.test.
func secure(t *testing.T, n byte, serve http.HandlerFunc) (membership.Member, *tls.Config) {
	t.Helper()
	c, err := keystore.Make("node.test")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(serve)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf)
	return member(n, map[string]string{"httpsPort": portOf(server.Listener)}), &tls.Config{RootCAs: pool, ServerName: "node.test"}
}

func TestRequestsOverTLSGoOnOverTLS(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	m, config := secure(t, 1, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // compared below
		w.Header().Set("Trailer", "X-End")
		io.WriteString(w, r.Proto+" "+r.Host+" "+r.Header.Get("X-Forwarded-Proto")+" "+r.Header.Get("X-Forwarded-Port")+" "+string(body))
		w.Header().Set("X-End", "yes")
	})
	f.all.set("d", m)
	f.gw.SetTLS(config)
	in := f.request("POST", f.tls.URL, "d.test", io.LimitReader(zeros{}, 0))
	resp, body := f.do(in)
	require.Equal(t, http.StatusOK, resp.StatusCode, body)
	require.Equal(t, 2, resp.ProtoMajor, "clients have HTTP/2")
	require.Equal(t, "HTTP/2.0 d.test https "+portOf(f.tls.Listener)+" ", body)
	require.Equal(t, "yes", resp.Trailer.Get("X-End"))
	resp, body = f.ask("GET", "d.test", "/", "")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, "without TLS there is nobody")
	require.Contains(t, body, "none of its 1 members publishes the property httpPort")
}

func TestMembersAreVerifiedUnlessTheyAreNotToBe(t *testing.T) {
	f := newFront(t, gateway.Options{}, members.Options{})
	m, config := secure(t, 1, says("one"))
	f.all.set("d", m)
	other := config.Clone()
	other.ServerName = "other.test"
	for _, c := range []struct {
		config *tls.Config
		status int
	}{
		{nil, http.StatusBadGateway},
		{other, http.StatusBadGateway},
		{config, http.StatusOK},
		{&tls.Config{InsecureSkipVerify: true}, http.StatusOK},
	} {
		f.gw.SetTLS(c.config)
		resp, body := f.do(f.request("GET", f.tls.URL, "d.test", nil))
		require.Equal(t, c.status, resp.StatusCode)
		if c.status != http.StatusOK {
			require.Equal(t, "the certificate of the member that was asked could not be verified\n", body)
		}
	}
}

func TestTLSMayEndHereOrBeginHere(t *testing.T) {
	f := newFront(t, gateway.Options{Members: gateway.HTTPScheme}, members.Options{})
	f.all.set("d", backend(t, 1, says("plain")))
	_, body := f.do(f.request("GET", f.tls.URL, "d.test", nil))
	require.Equal(t, "plain ", body)

	f = newFront(t, gateway.Options{Members: gateway.HTTPSScheme}, members.Options{})
	m, config := secure(t, 1, says("secure"))
	f.all.set("d", m)
	f.gw.SetTLS(config)
	_, body = f.ask("GET", "d.test", "/", "")
	require.Equal(t, "secure ", body)
}
