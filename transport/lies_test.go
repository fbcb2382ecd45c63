package transport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/transport/memnet"
)

// Who holds the key and lies in its hello, or says things out of their order,
// gets no link.
func TestLiesInsideTLS(t *testing.T) {
	k := NewKey()
	hello := func(change func(h *Hello)) func(t *testing.T, h *handshake) {
		return func(t *testing.T, h *handshake) {
			_, err := h.hello(PurposeLink, ID{})
			require.NoError(t, err)
			change(&h.self)
			payload, err := h.self.encode()
			require.NoError(t, err)
			require.NoError(t, h.write(payload))
		}
	}
	for name, c := range map[string]struct {
		say func(t *testing.T, h *handshake)
		log string
	}{
		"version 0":           {hello(func(h *Hello) { h.MinVersion, h.MaxVersion = 0, 1 }), "protocol versions 0 to 1 are no range"},
		"a range upside down": {hello(func(h *Hello) { h.MinVersion, h.MaxVersion = 9, 1 }), "protocol versions 9 to 1 are no range"},
		"only the last version": {hello(func(h *Hello) { h.MinVersion, h.MaxVersion = 65535, 65535 }),
			"the other side 65535 to 65535"},
		"another birth":          {hello(func(h *Hello) { h.Birth = Birth{1} }), "does not belong to the key and birth"},
		"the ID of the other":    {hello(func(h *Hello) { h.ID = ID{1} }), "does not belong to the key"},
		"a drop time of nothing": {hello(func(h *Hello) { h.DropTime = 0 }), "drop time 0s of the other side"},
		"a purpose that is none": {hello(func(h *Hello) { h.Purpose = 9 }), "unknown purpose 9"},
		"a proof before the hello": {func(t *testing.T, h *handshake) {
			require.NoError(t, h.write(encodeOpen(make([]byte, 64))))
		}, "kind 4 where a hello was expected"},
		"the hello twice": {func(t *testing.T, h *handshake) {
			payload, err := h.hello(PurposeLink, ID{})
			require.NoError(t, err)
			require.NoError(t, h.write(payload))
			require.NoError(t, h.write(payload))
		}, "kind 1 where a proof was expected"},
		"half a hello": {func(t *testing.T, h *handshake) {
			payload, err := h.hello(PurposeLink, ID{})
			require.NoError(t, err)
			_, err = h.conn.Write(framed(payload)[:20])
			require.NoError(t, err)
			require.NoError(t, h.conn.(halfCloser).CloseWrite())
		}, "waiting for its hello"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *memnet.Network) {
				nd := startNode(t, n, "a", withKeys(k))
				e, err := New(Config{Cluster: "test", Keys: []Key{k}})
				require.NoError(t, err)
				defer e.Close()
				ch, err := e.wrap(stranger(t, n, nd), true, nd.address)
				require.NoError(t, err)
				c.say(t, newHandshake(e, ch, nd.address))
				time.Sleep(6 * time.Second)
				synctest.Wait()
				require.Empty(t, nd.links)
				require.Equal(t, EndpointStats{TurnedAway: 1}, nd.Stats())
				require.Len(t, nd.log.lines(), 1)
				require.Contains(t, nd.log.lines()[0], c.log)
			})
		})
	}
}
