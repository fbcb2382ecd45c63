package memnet

// Pipes counts the connections that the network still keeps.
func (n *Network) Pipes() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.pipes)
}
