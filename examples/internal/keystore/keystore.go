// Package keystore reads certificates with their keys: from PEM files, from
// PKCS #12 files and from the keystores of Java (JKS). Which of them a file is
// can be seen from its content, so a type that is stated wrongly does no harm.
package keystore

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	jks "github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// A Source says where certificates are.
type Source struct {
	File        string
	KeyFile     string // of PEM, where the key is in a file of its own
	Password    string // of the store; none for PEM
	KeyPassword string // of the keys in a JKS; "" is Password
}

// Files are all files of a source.
func (s Source) Files() []string {
	if s.KeyFile == "" {
		return []string{s.File}
	}
	return []string{s.File, s.KeyFile}
}

// Load reads all certificates of a source that have a key. An error names the
// file.
func Load(s Source) ([]tls.Certificate, error) {
	data, err := conf.Read(s.File)
	if err != nil {
		return nil, err
	}
	var out []tls.Certificate
	switch {
	case len(data) >= 4 && binary.BigEndian.Uint32(data) == jksMagic:
		out, err = loadJKS(data, s)
	case bytes.Contains(data, []byte("-----BEGIN ")):
		out, err = loadPEM(data, s)
	default:
		out, err = loadPKCS12(data, s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.File, err)
	}
	for i := range out {
		if out[i].Leaf, err = x509.ParseCertificate(out[i].Certificate[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", s.File, err)
		}
	}
	return out, nil
}

// loadPEM reads a certificate with its chain, and a key.
func loadPEM(data []byte, s Source) ([]tls.Certificate, error) {
	keys := data
	if s.KeyFile != "" {
		var err error
		if keys, err = conf.Read(s.KeyFile); err != nil {
			return nil, err
		}
	}
	c, err := tls.X509KeyPair(data, keys)
	if err != nil {
		return nil, fmt.Errorf("want a certificate and its key in PEM: %w", err)
	}
	return []tls.Certificate{c}, nil
}

func loadPKCS12(data []byte, s Source) ([]tls.Certificate, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(data, s.Password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, errors.New("the password does not open it")
	case err != nil:
		return nil, fmt.Errorf("neither PEM nor JKS, and no PKCS #12 with one key: %w", err)
	}
	c := tls.Certificate{PrivateKey: key, Certificate: [][]byte{leaf.Raw}}
	for _, one := range chain {
		c.Certificate = append(c.Certificate, one.Raw)
	}
	return []tls.Certificate{c}, matches(leaf, key)
}

func loadJKS(data []byte, s Source) ([]tls.Certificate, error) {
	if err := sound(data); err != nil {
		return nil, err
	}
	store := jks.New(jks.WithOrderedAliases())
	if err := store.Load(bytes.NewReader(data), []byte(s.Password)); err != nil {
		return nil, fmt.Errorf("the password does not open it, or it is damaged: %w", err)
	}
	keyPassword := s.KeyPassword
	if keyPassword == "" {
		keyPassword = s.Password
	}
	var out []tls.Certificate
	for _, alias := range store.Aliases() {
		if !store.IsPrivateKeyEntry(alias) {
			continue
		}
		e, err := store.GetPrivateKeyEntry(alias, []byte(keyPassword))
		if err != nil {
			return nil, fmt.Errorf("the key password does not open the key %q: %w", alias, err)
		}
		key, err := x509.ParsePKCS8PrivateKey(e.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("the key %q: %w", alias, err)
		}
		c := tls.Certificate{PrivateKey: key}
		for _, one := range e.CertificateChain {
			c.Certificate = append(c.Certificate, one.Content)
		}
		if len(c.Certificate) == 0 {
			return nil, fmt.Errorf("the key %q has no certificate", alias)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err == nil {
			err = matches(leaf, key)
		}
		if err != nil {
			return nil, fmt.Errorf("the key %q: %w", alias, err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no key in it; is it a truststore?")
	}
	return out, nil
}

// matches tells whether a key is that of a certificate.
func matches(leaf *x509.Certificate, key any) error {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fmt.Errorf("a key of type %T cannot sign", key)
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(signer.Public()) {
		return errors.New("the key is not that of the certificate")
	}
	return nil
}

// Roots reads the certificates that others are checked against: PEM.
func Roots(file string) (*x509.CertPool, error) {
	data, err := conf.Read(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		pool.AddCert(c)
	}
	if pool.Equal(x509.NewCertPool()) {
		return nil, fmt.Errorf("%s: want certificates in PEM", file)
	}
	return pool, nil
}

// Choose gives the certificate for a client: the first that is for the name that
// it asks for and that it understands, else the first.
func Choose(all []tls.Certificate, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	i := slices.IndexFunc(all, func(c tls.Certificate) bool { return hello.SupportsCertificate(&c) == nil })
	if i < 0 && len(all) == 0 {
		return nil, errors.New("there is no certificate")
	}
	return &all[max(i, 0)], nil
}
