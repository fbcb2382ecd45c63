package wka

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind tells how an Entry is looked up.
type Kind int

// The kinds of entries. The zero Kind is that of the zero Entry, which is none.
const (
	Literal Kind = 1 + iota // an IP address and a port: nothing to look up
	Name                    // a DNS name and a port
	SRV                     // a DNS name with SRV records
	File                    // a file with entries of the other kinds
)

// String returns the kind's name, as in "srv".
func (k Kind) String() string {
	switch k {
	case Literal:
		return "literal"
	case Name:
		return "name"
	case SRV:
		return "srv"
	case File:
		return "file"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Entry is a well-known address that has been checked by [List.Parse]. Entries
// are values: two are equal (==) if they are written the same, but for the
// notation of IP addresses and ports. The zero Entry resolves to an error.
type Entry struct {
	kind Kind
	host string // the IP address, the name or the path
	port uint16 // of a Literal or Name
}

// Kind tells how the entry is looked up.
func (e Entry) Kind() Kind { return e.kind }

// Literal returns "ip:port", ready to dial, and true if the entry is that; it
// never needs a Resolver.
func (e Entry) Literal() (addr string, ok bool) {
	if e.kind != Literal {
		return "", false
	}
	return e.String(), true
}

// String returns the entry as it would be configured; it parses to an equal
// entry.
func (e Entry) String() string {
	switch e.kind {
	case Literal, Name:
		return net.JoinHostPort(e.host, strconv.Itoa(int(e.port)))
	case SRV:
		return srvScheme + e.host
	case File:
		return fileScheme + e.host
	}
	return ""
}

const (
	srvScheme  = "srv+"
	fileScheme = "file:"
	wanted     = "want host:port, srv+name or file:path"
	longest    = 4096 // of an entry, in bytes: the longest path of common systems
)

// parseEntry reads one entry; problem says what is wrong with it, if anything.
func parseEntry(value string) (e Entry, problem string) {
	if problem := checkText(value); problem != "" {
		return Entry{}, problem
	}
	if path, ok := strings.CutPrefix(value, fileScheme); ok {
		return parseFile(path)
	}
	if strings.ContainsFunc(value, unicode.IsSpace) {
		return Entry{}, "has a space in it; " + wanted + ", one an entry"
	}
	if name, ok := strings.CutPrefix(value, srvScheme); ok {
		return parseSRV(name)
	}
	if scheme, _, ok := strings.Cut(value, "+"); ok {
		return Entry{}, fmt.Sprintf("unknown scheme %s; %s", quote(scheme+"+"), wanted)
	}
	return parseHostPort(value)
}

// checkText refuses what no entry can be.
func checkText(value string) (problem string) {
	switch {
	case value == "":
		return "empty; " + wanted
	case len(value) > longest:
		return fmt.Sprintf("longer than %d bytes; %s", longest, wanted)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "has a control character in it; " + wanted
	case strings.TrimSpace(value) != value:
		return "begins or ends with a space; " + wanted
	}
	return ""
}

// parseFile takes any path but one of digits only, which is rather the port of
// a host called "file". Whether the file exists is seen when it is read.
func parseFile(path string) (Entry, string) {
	switch {
	case strings.TrimSpace(path) == "":
		return Entry{}, "no path; want file:path"
	case strings.TrimSpace(path) != path:
		return Entry{}, "has a space before the path; want file:path"
	case strings.Trim(path, "0123456789") == "":
		return Entry{}, fmt.Sprintf("is a file called %s? Write file:./%s; for a host called \"file\" write its full name",
			quote(path), path)
	}
	return Entry{kind: File, host: path}, ""
}

func parseSRV(name string) (Entry, string) {
	if strings.Contains(name, ":") {
		return Entry{}, "srv+name takes no port; the SRV records hold it"
	}
	if problem := checkName(name); problem != "" {
		return Entry{}, problem
	}
	return Entry{kind: SRV, host: name}, ""
}

func parseHostPort(value string) (Entry, string) {
	host, port, problem := splitHostPort(value)
	if problem != "" {
		return Entry{}, problem
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return Entry{}, fmt.Sprintf("port %s is not a number from 1 to 65535", quote(port))
	}
	if host == "" || host == "*" {
		return Entry{}, fmt.Sprintf("host %q is for listening on all interfaces; want an address that others can dial", host)
	}
	if ip, err := netip.ParseAddr(host); err == nil && (value[0] != '[' || ip.Is6()) {
		if problem := checkIP(ip); problem != "" {
			return Entry{}, problem
		}
		return Entry{kind: Literal, host: ip.Unmap().String(), port: uint16(number)}, ""
	}
	if value[0] == '[' {
		return Entry{}, fmt.Sprintf("%s is not an IPv6 address; only those take brackets", quote(host))
	}
	if problem := checkName(host); problem != "" {
		return Entry{}, problem
	}
	return Entry{kind: Name, host: host, port: uint16(number)}, ""
}

// splitHostPort is net.SplitHostPort with words for what people do wrong.
func splitHostPort(value string) (host, port, problem string) {
	if !strings.Contains(value, ":") || value[0] == '[' && value[len(value)-1] == ']' {
		return "", "", "no port; " + wanted
	}
	host, port, err := net.SplitHostPort(value)
	if err == nil {
		return host, port, ""
	}
	if value[0] != '[' && strings.Count(value, ":") > 1 {
		return "", "", "too many colons; want host:port, and an IPv6 address in brackets as in [fe80::1]:4000"
	}
	return "", "", "not host:port; an IPv6 address is written as in [fe80::1]:4000"
}

// checkIP refuses addresses that no one process has.
func checkIP(ip netip.Addr) (problem string) {
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsUnspecified():
		return fmt.Sprintf("host %q is for listening on all interfaces; want an address that others can dial", ip.String())
	case ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Sprintf("host %q is for many hosts at once; want the address of one", ip.String())
	}
	return ""
}

// checkName refuses what cannot be a DNS name. Underscores are allowed, since
// SRV names and the inner networks of containers have them.
func checkName(name string) (problem string) {
	bare := strings.TrimSuffix(name, ".")
	if bare == "" {
		return "no name; " + wanted
	}
	if len(bare) > 253 {
		return "the name is longer than the 253 bytes that DNS allows"
	}
	for label := range strings.SplitSeq(bare, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Sprintf("%s is not a DNS name: between dots it has 1 to 63 characters", quote(name))
		}
		for _, c := range label {
			if !nameRune(c) {
				return fmt.Sprintf("%s is not a DNS name: it has %q in it; names in other scripts are written as xn--", quote(name), c)
			}
		}
	}
	if last := bare[strings.LastIndexByte(bare, '.')+1:]; strings.Trim(last, "0123456789") == "" {
		return fmt.Sprintf("%s is neither an IP address nor a DNS name", quote(name))
	}
	return ""
}

func nameRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
