package main

import (
	"crypto/tls"
	"crypto/x509"
	"slices"

	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/transport"
)

// certificates are for nodes that have them in place of a key, see Config.TLS
// of package membership.
type certificates struct {
	cert, certKey, certPassword string
	membersCA, memberName       string
	tls                         *tls.Config // nil without
}

// flags have the names that they have in elb and node.
func (c *certificates) flags(f program.Flags) {
	f.StringVar(&c.cert, "cert", "", "the `file` with a certificate of the cluster's authority and its key, where nodes have such "+
		"in place of a key file: PEM, PKCS #12 or JKS")
	f.StringVar(&c.certKey, "cert-key", "", "the `file` with the key, where PEM has it in a file of its own")
	f.StringVar(&c.certPassword, "cert-password", "", "the `file` with the password of -cert")
	f.StringVar(&c.membersCA, "members-ca", "", "the `file` with certificates that those of nodes are checked against")
	f.StringVar(&c.memberName, "members-name", "", "the `host` that certificates of nodes must be for (default that of their address)")
}

// read reads the files, if there are any.
func (c *certificates) read(keyFile string) error {
	switch {
	case c.cert == "" && (c.membersCA != "" || c.memberName != "" || c.certKey != "" || c.certPassword != ""):
		return program.Missing("cert", "nodes with certificates want one from who asks, too")
	case c.cert == "":
		return nil
	case keyFile != "":
		return program.Bad("key-file", keyFile, "means nothing with -cert; nodes have one of the two")
	case c.membersCA == "":
		return program.Missing("members-ca", "the file with the authority that issued the certificates of nodes")
	}
	password, err := program.Password("cert-password", c.certPassword)
	if err != nil {
		return err
	}
	own, err := keystore.Load(keystore.Source{File: c.cert, KeyFile: c.certKey, Password: password})
	if err != nil {
		return program.FileError("cert", err)
	}
	roots, err := keystore.Roots(c.membersCA)
	if err != nil {
		return program.FileError("members-ca", err)
	}
	c.tls = &tls.Config{Certificates: own, RootCAs: roots, ClientCAs: roots, ServerName: c.memberName,
		ClientAuth: tls.RequireAndVerifyClientCert}
	return program.FileError("cert", transport.CheckTLS(c.tls))
}

// leaf is the certificate itself.
func (c *certificates) leaf() *x509.Certificate { return c.tls.Certificates[0].Leaf }

// bothWays tells whether a certificate may be shown by who dials and by who is
// dialled, as nodes do both.
func bothWays(c *x509.Certificate) bool {
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		if len(c.ExtKeyUsage) > 0 && !slices.Contains(c.ExtKeyUsage, use) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
			return false
		}
	}
	return true
}
