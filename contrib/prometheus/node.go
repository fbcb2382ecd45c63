package prometheus

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gotribes/tribes/membership"
)

// The metrics of a node.
var (
	nodeDomains  = desc("node_domains", "Domains that the node takes part in.")
	nodeLinks    = desc("node_links", "Links to other nodes.")
	nodeWaiting  = desc("node_inputs_waiting", "Inputs that wait for the node's goroutine.")
	nodeBeatsOut = desc("node_heartbeats_sent_total", "Heartbeats sent.")
	nodeBeatsIn  = desc("node_heartbeats_received_total", "Heartbeats received.")
	nodeOut      = desc("node_messages_sent_total", "Messages sent, other than heartbeats.")
	nodeIn       = desc("node_messages_received_total", "Messages received, other than heartbeats.")
	nodeBytesOut = desc("node_sent_bytes_total", "Bytes of messages and heartbeats sent.")
	nodeBytesIn  = desc("node_received_bytes_total", "Bytes of messages and heartbeats received.")
	nodeDials    = desc("node_dials_total", "Connections made or tried for a link.")
	nodeLooks    = desc("node_looks_total", "Connections made or tried to see who answers.")
	nodeTurned   = desc("node_connections_refused_total", "Connections of others that were refused or broken off in the handshake.")
)

// The metrics of a group.
var (
	groupMembers  = desc("group_members", "Members in the current view, by state.", "domain", "state")
	groupManagers = desc("group_managers", "Managers in the current view.", "domain")
	groupView     = desc("group_view_number", "Number of the current view.", "domain")
	groupIsolated = desc("group_isolated", "1 if the node hears nobody at all, and its view is the last that it knew.", "domain")
	groupAway     = desc("group_members_unreachable", "Members that this node watches and cannot reach.", "domain")
	eventsTotal   = desc("group_events_total", "Events of members, by kind and cause.", "domain", "event", "cause")
)

// collectNode tells the counts of a node.
func collectNode(s membership.Stats, out chan<- prometheus.Metric) {
	for d, v := range map[*prometheus.Desc]int{nodeDomains: s.Domains, nodeLinks: s.Links, nodeWaiting: s.Waiting} {
		send(out, d, prometheus.GaugeValue, float64(v))
	}
	for d, v := range map[*prometheus.Desc]uint64{
		nodeBeatsOut: s.BeatsSent, nodeBeatsIn: s.BeatsReceived, nodeOut: s.MessagesSent, nodeIn: s.MessagesReceived,
		nodeBytesOut: s.BytesSent, nodeBytesIn: s.BytesReceived, nodeDials: s.Dials, nodeLooks: s.Looks, nodeTurned: s.TurnedAway,
	} {
		send(out, d, prometheus.CounterValue, float64(v))
	}
}

// collectGroup tells what is in a view. States without members are 0, so that a
// graph has no holes.
func collectGroup(g Group, out chan<- prometheus.Metric) {
	v, domain := g.View(), g.Domain()
	counts := map[membership.State]int{
		membership.Alive: 0, membership.Suspect: 0, membership.Draining: 0, membership.Leaving: 0,
	}
	away := 0
	for m := range v.All() {
		counts[m.State]++
		if m.Unreachable {
			away++
		}
	}
	managers := 0
	for range v.Managers() {
		managers++
	}
	for state, n := range counts {
		send(out, groupMembers, prometheus.GaugeValue, float64(n), domain, state.String())
	}
	isolated := 0.0
	if v.Isolated() {
		isolated = 1
	}
	send(out, groupManagers, prometheus.GaugeValue, float64(managers), domain)
	send(out, groupAway, prometheus.GaugeValue, float64(away), domain)
	send(out, groupView, prometheus.GaugeValue, float64(v.Number()), domain)
	send(out, groupIsolated, prometheus.GaugeValue, isolated, domain)
}
