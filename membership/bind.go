package membership

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// errMisnamed is why a link goes down whose peer has a name that is not in its
// certificate.
var errMisnamed = errors.New("its name is not in its certificate")

// misnamed looks at what a peer says of itself, if names are bound to
// certificates: the refusal is for the peer; nil: it may have the name. What a
// peer passes on of others was looked at by those that are linked with them.
func (c *conn) misnamed(msg wire.Message) *wire.Refuse {
	if c.loop.node.cfg.Bind != transport.BindName {
		return nil
	}
	var records []*wire.Record
	switch msg := msg.(type) {
	case *wire.Join:
		records = []*wire.Record{msg.Record}
	case *wire.Table:
		records = msg.Records
	case *wire.Gossip:
		records = msg.Records
	case *wire.Sync:
		records = msg.Records
	}
	peer, cert := c.link.Peer().ID, c.link.Certificate()
	for _, r := range records {
		if r.ID == wire.ID(peer) && !bears(cert, r.Name) {
			return &wire.Refuse{Domain: r.Domain, Code: wire.BadRecord,
				Text: fmt.Sprintf("name %q is not in the certificate shown", r.Name)}
		}
	}
	return nil
}

// bears says that a certificate is for a name.
func bears(cert *x509.Certificate, name string) bool {
	if cert == nil {
		return false
	}
	for _, u := range cert.URIs {
		if u.String() == name {
			return true
		}
	}
	return cert.Subject.CommonName == name || slices.Contains(cert.DNSNames, name)
}

// turnAway tells a peer why it gets no further, and ends the link.
func (c *conn) turnAway(why *wire.Refuse) {
	var e wire.Encoder
	wire.Encode(&e, why)
	_ = c.link.Send(e.Bytes())
	c.link.CloseAfterFlush(fmt.Errorf("%w: %w", transport.ErrMalformed, errMisnamed))
}
