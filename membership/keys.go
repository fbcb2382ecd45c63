package membership

import "github.com/gotribes/tribes/transport"

// SetKeys replaces the cluster keys without a restart: new links use the first,
// all are accepted. Links with members that hold none of them are closed. It is
// an error, and nothing has changed, if the keys are none, more than 16, or not
// each there once, or if the node was started without Config.Keys.
//
// A key is changed in three steps, each of them on all nodes before the next:
// append the new key; move it to the front; remove the old one.
func (n *Node) SetKeys(keys []transport.Key) error {
	if n.ctx.Err() != nil {
		return n.Err()
	}
	if err := n.endpoint.SetKeys(keys); err != nil {
		return err
	}
	prints := make([]string, 0, len(keys))
	for _, k := range keys {
		prints = append(prints, k.Fingerprint())
	}
	n.loop.log.Info("cluster keys changed", "fingerprints", prints)
	return nil
}
