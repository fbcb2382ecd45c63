// Package wka reads well-known addresses, the places where a node looks for
// its group, and turns them into addresses to dial.
//
// A [List] holds them as an operator writes them:
//
//	10.0.0.1:4000                  an IP address and a port
//	[fe80::1%eth0]:4000            the same in IPv6, with brackets, maybe a zone
//	members.example:4000           a DNS name: all of its A and AAAA addresses
//	srv+_tribes._tcp.example       SRV records, which name hosts and ports
//	file:/etc/tribes/members       a file with one of the above a line
//
// [List.Parse] checks them once, at start, so that a typing error is an error
// and not a node that waits for ever. [Resolver.Resolve] looks an [Entry] up; it
// is meant to be called again and again, because names and files change while
// programs run. When to try which address is not decided here.
//
// In a file, lines may be empty, and "#" starts a comment. A file cannot name
// further files. A [Func] stands in for whatever else knows where members are.
//
// Everything is bounded: see [MaxEntries], [MaxAddresses], [MaxFileBytes] and
// [MaxFileLines].
package wka
