package machine

// Settled says that the application has been shown all that this node knows of
// a domain: no change waits for others that may belong to it.
func (m *Machine) Settled(domain string) bool {
	g := m.group(domain)
	return g == nil || !g.pend.open
}
