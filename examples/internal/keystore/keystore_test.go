package keystore_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	jks "github.com/pavlo-v-chernykh/keystore-go/v4"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/gotribes/tribes/examples/internal/keystore"
)

// made makes a certificate, and what PEM has of it.
func made(t *testing.T, name string) (c tls.Certificate, cert, key []byte) {
	t.Helper()
	c, err := keystore.Make(name, "127.0.0.1")
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(t, err)
	return c, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "store")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return file
}

func TestAllThreeFormsAreRead(t *testing.T) {
	c, cert, key := made(t, "a.test")
	p12, err := pkcs12.Modern.Encode(c.PrivateKey, c.Leaf, nil, "changeit")
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(t, err)
	java := jks.New()
	require.NoError(t, java.SetPrivateKeyEntry("one", jks.PrivateKeyEntry{CreationTime: time.Now(), PrivateKey: der,
		CertificateChain: []jks.Certificate{{Type: "X509", Content: c.Certificate[0]}}}, []byte("keypass")))
	var store bytes.Buffer
	require.NoError(t, java.Store(&store, []byte("changeit")))
	for _, s := range []keystore.Source{
		{File: write(t, append(cert, key...))},
		{File: write(t, cert), KeyFile: write(t, key)},
		{File: write(t, p12), Password: "changeit"},
		{File: write(t, store.Bytes()), Password: "changeit", KeyPassword: "keypass"},
	} {
		got, err := keystore.Load(s)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.Equal(t, c.Certificate, got[0].Certificate)
		require.Equal(t, "a.test", got[0].Leaf.DNSNames[0])
	}
	strange := "\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x09" + strings.Repeat("x", 40)
	for want, s := range map[string]keystore.Source{
		"the password does not open it":                       {File: write(t, p12), Password: "x"},
		"the password does not open it, or it is damaged":     {File: write(t, store.Bytes()), Password: "x"},
		"the key password does not open the key":              {File: write(t, store.Bytes()), Password: "changeit"},
		"want a certificate and its key in PEM":               {File: write(t, cert)},
		"neither PEM nor JKS, and no PKCS #12 with one key":   {File: write(t, []byte("words")), Password: "changeit"},
		"neither PEM nor JKS, and no PKCS #12 with one key: ": {File: write(t, nil)},
		"no such file":              {File: "none.p12"},
		"no such file or directory": {File: write(t, cert), KeyFile: "none.pem"},
		"the file has more than 2048 KiB; is it the right one?":      {File: write(t, make([]byte, 10<<20))},
		"it is damaged: a length in it points beyond its end":        {File: write(t, store.Bytes()[:60]), Password: "changeit"},
		"it is damaged: an entry is neither a key nor a certificate": {File: write(t, []byte(strange)), Password: "changeit"},
	} {
		_, err := keystore.Load(s)
		require.ErrorContains(t, err, want)
	}
}

// A length in a file is not believed: memory for it is not taken.
func TestLengthsInAFileAreNotBelieved(t *testing.T) {
	huge := "\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01a12345678\xff\xff\xff\xf0" + strings.Repeat("x", 100)
	file := write(t, []byte(huge))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := keystore.Load(keystore.Source{File: file, Password: "x"})
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "it is damaged: a length in it points beyond its end")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
}

// What Java's own tool writes is what users have.
func TestKeystoresOfJava(t *testing.T) {
	tool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("Java's keytool is not installed; runs where it is")
	}
	for _, form := range []string{"JKS", "PKCS12"} {
		file := filepath.Join(t.TempDir(), "server")
		out, err := exec.Command(tool, "-genkeypair", "-alias", "wso2carbon", "-keyalg", "RSA", "-storetype", form, "-keystore", file,
			"-storepass", "wso2carbon", "-keypass", "wso2carbon", "-dname", "CN=localhost").CombinedOutput()
		require.NoError(t, err, "%s", out)
		got, err := keystore.Load(keystore.Source{File: file, Password: "wso2carbon"})
		require.NoError(t, err)
		require.Equal(t, "localhost", got[0].Leaf.Subject.CommonName)
	}
}

func TestCertificateIsChosenByName(t *testing.T) {
	a, _, _ := made(t, "a.test")
	b, _, _ := made(t, "b.test")
	all := []tls.Certificate{a, b}
	for name, want := range map[string]string{"a.test": "a.test", "b.test": "b.test", "c.test": "a.test", "": "a.test"} {
		config := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return keystore.Choose(all, h) }}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
		require.NoError(t, err)
		go func() {
			conn, err := ln.Accept()
			if err == nil {
				_ = conn.(*tls.Conn).Handshake() // its result is the client's
				conn.Close()
			}
		}()
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		require.NoError(t, err)
		require.Equal(t, want, conn.ConnectionState().PeerCertificates[0].DNSNames[0])
		conn.Close()
		ln.Close()
	}
	_, err := keystore.Choose(nil, &tls.ClientHelloInfo{})
	require.Error(t, err)
}

func TestRootsAreCertificatesInPEM(t *testing.T) {
	_, cert, key := made(t, "a.test")
	_, err := keystore.Roots(write(t, append(key, cert...)))
	require.NoError(t, err)
	_, err = keystore.Roots(write(t, key))
	require.ErrorContains(t, err, "want certificates in PEM")
	_, err = keystore.Roots("none.pem")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// FuzzLoad: whatever a file holds, it is certificates or an error.
func FuzzLoad(f *testing.F) {
	c, err := keystore.Make("a.test")
	require.NoError(f, err)
	p12, err := pkcs12.Modern.WithIterations(1).Encode(c.PrivateKey, c.Leaf, nil, "x")
	require.NoError(f, err)
	f.Add(p12)
	f.Add([]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"))
	file := filepath.Join(f.TempDir(), "store")
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(file, data, 0o600))
		got, err := keystore.Load(keystore.Source{File: file, Password: "x"})
		require.Equal(t, err == nil, len(got) > 0)
	})
}
