// Package tribes is the root of a library for cluster membership through
// well-known addresses, over TCP alone.
//
// A load balancer and the nodes behind it find each other through addresses
// that they were told in advance, notice within milliseconds when a process
// dies and within seconds when a host falls silent, and show the application
// numbered views and events with their cause. It is the membership scheme of
// Axis2 clustering (membershipScheme=wka) for Go programs, with a protocol of
// its own.
//
// There is nothing to import here. The packages are:
//
//   - [github.com/gotribes/tribes/membership]: Join, Node, Group, View, Event;
//     what programs use
//   - [github.com/gotribes/tribes/membership/upstream]: for proxies: a pool of
//     members, picking, an http.RoundTripper
//   - [github.com/gotribes/tribes/wka]: lists of well-known addresses: host
//     names, SRV records, files
//   - [github.com/gotribes/tribes/transport]: framed, authenticated links
//   - [github.com/gotribes/tribes/membership/tribes]: the same for groups of Java
//     members, Tomcat clusters and Axis2 groups, over
//     [github.com/gotribes/tribes/transport/tribes]
//   - [github.com/gotribes/tribes/transport/memnet]: a network in memory, with
//     faults, for tests of programs that embed the library
//
// Runnable programs are in the folder examples: quickstart, a load balancer
// (elb), a node, and the shortest proxy (embed).
//
// How it works is written down in docs/ARCHITECTURE.md; the protocol, rule by
// rule and byte by byte, in docs/protocol.md.
package tribes
