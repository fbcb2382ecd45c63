package transport

import (
	"fmt"
	"time"

	"github.com/gotribes/tribes/internal/wire"
)

// maxRefusalText bounds the text of a refusal, in bytes.
const maxRefusalText = 1 << 10

// encodeRefusal returns a refusal's payload.
func encodeRefusal(code Code, text string) []byte {
	var e wire.Encoder
	e.Uint(kindRefusal)
	e.Map(2)
	e.Uint(1)
	e.Uint(uint64(code))
	e.Uint(2)
	e.String(text[:min(len(text), maxRefusalText)])
	return e.Bytes()
}

// decodeRefusal reads the map of a refusal, whose kind was read already.
func decodeRefusal(d *wire.Decoder, address string) error {
	r := &RefusedError{Address: address}
	for range d.Map(64) {
		switch d.Uint() {
		case 1:
			r.Code = Code(below(d, 1<<8))
		case 2:
			r.Text = printable(d.String(maxRefusalText))
		default:
			d.Skip()
		}
	}
	if err := d.Done(); err != nil {
		return err
	}
	return r
}

// checkPeer compares two verified or at least well-formed hellos and returns
// the agreed protocol version, or the refusal that this side answers with. It
// gives the same verdict on both sides.
func checkPeer(self, peer *Hello, address string) (version uint16, err error) {
	refuse := func(code Code, format string, args ...any) (uint16, error) {
		return 0, &RefusedError{Code: code, Address: address, Text: printable(fmt.Sprintf(format, args...))}
	}
	version = min(self.MaxVersion, peer.MaxVersion)
	switch {
	case peer.MinVersion == 0 || peer.MinVersion > peer.MaxVersion:
		return refuse(CodeMalformed, "protocol versions %d to %d are no range", peer.MinVersion, peer.MaxVersion)
	case version < self.MinVersion || version < peer.MinVersion:
		return refuse(CodeVersion, "%s speaks protocol versions %d to %d, the other side %d to %d",
			self.whom(), self.MinVersion, self.MaxVersion, peer.MinVersion, peer.MaxVersion)
	case self.Cluster != peer.Cluster:
		return refuse(CodeCluster, "%s belongs to cluster %q, the other side to %q", self.whom(), self.Cluster, peer.Cluster)
	case IDOf(peer.PublicKey, peer.Birth) != peer.ID:
		return refuse(CodeMalformed, "ID %v does not belong to the key and birth that came with it", peer.ID)
	case self.ID == peer.ID:
		return refuse(CodeSelf, "this is the node itself, ID %v", self.ID)
	case peer.Purpose < PurposeLink || peer.Purpose > PurposeAsk:
		return refuse(CodeMalformed, "unknown purpose %d", peer.Purpose)
	}
	if peer.Purpose == PurposeAsk {
		return version, nil // neither side watches the other
	}
	return version, checkSettings(self, peer, address)
}

// checkSettings refuses a peer that would be taken for silent between two of
// its heartbeats, or would take this node for it.
func checkSettings(self, peer *Hello, address string) error {
	text := ""
	switch {
	case peer.HeartbeatInterval <= 0 || peer.HeartbeatInterval > maxHeartbeat || peer.DropTime > maxDropTime:
		text = fmt.Sprintf("heartbeat interval %v (over 0 to %v) or drop time %v (to %v) of the other side",
			peer.HeartbeatInterval, maxHeartbeat, peer.DropTime, maxDropTime)
	case self.DropTime < dropBeats*peer.HeartbeatInterval:
		text = tooShort(self.whom(), self.DropTime, "the other side", peer.HeartbeatInterval)
	case peer.DropTime < dropBeats*self.HeartbeatInterval:
		text = tooShort("the other side", peer.DropTime, self.whom(), self.HeartbeatInterval)
	default:
		return nil
	}
	return &RefusedError{Code: CodeSettings, Address: address, Text: printable(text)}
}

func tooShort(dropper string, drop time.Duration, beater string, beat time.Duration) string {
	return fmt.Sprintf("drop time %v of %s is under %d times the heartbeat interval %v of %s", drop, dropper, dropBeats, beat, beater)
}

// whom names the sender of h in a text that the other side will read.
func (h *Hello) whom() string {
	if h.Advertise != "" {
		return h.Advertise
	}
	return h.ID.String()[:8]
}
