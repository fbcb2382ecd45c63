package main

import (
	"io"
	"maps"
	"net"

	"github.com/gotribes/tribes/examples/internal/axis2"
	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// settings are the flags, with what files say where the command line says
// nothing, checked only so far as the library does not do it.
type settings struct {
	domain, subDomain, cluster, name string
	advertise, listen, http, https   string
	health                           string
	wka                              program.List
	properties                       program.Pairs
	events, insecure                 bool
	axis2, carbon, home              string // files, and where relative ones in them begin
	offset                           int
	offsetMember                     bool
	printConfig, checkConfig         bool
	cert, certKey, certPassword      string
	hostName                         string // that clients know
	proxyPort, proxyPortTLS          int    // of the balancer; 0 is its own

	tribes, channel string // the kind of Java group, and its channel, with service
	keyFile         *program.KeyFile

	sources *program.Sources
	notes   []conf.Note      // settings of files without an effect
	offered []axis2.Property // of a file
	store   keystore.Source  // from cert, or the keystore of axis2; without a file one is made
}

// flagOf says which flag each field of membership.Config comes from.
func (s *settings) flagOf() map[string]string {
	listener := "listen"
	if s.listen == "" {
		listener = "advertise" // the library listens there
	}
	return map[string]string{
		"Domain":     "domain",
		"SubDomain":  "sub-domain",
		"Cluster":    "cluster",
		"Name":       "name",
		"Advertise":  "advertise",
		"Listener":   listener,
		"WellKnown":  "wka",
		"Properties": "property",
		"Insecure":   "insecure",
		"Keys":       "key-file",
	}
}

// parse reads the flags and the files that they name; help is where -h writes
// to.
func parse(args []string, help io.Writer) (*settings, error) {
	var s settings
	f := program.NewFlags("node", "a member of a domain that serves HTTP behind a balancer")
	f.StringVar(&s.domain, "domain", "", "the `name` of the group that it belongs to")
	f.StringVar(&s.subDomain, "sub-domain", "", "the `part` of the domain, as mgt or worker")
	f.StringVar(&s.cluster, "cluster", "", "the `name` of the cluster (default \"default\"); others are refused")
	f.StringVar(&s.name, "name", "", "its `name`, unique in the domain (default the address of -advertise)")
	f.StringVar(&s.advertise, "advertise", "", "the `host:port` that other members dial; may be left out with -listen")
	f.StringVar(&s.listen, "listen", "", "the `host:port` to listen on for members (default that of -advertise)")
	f.StringVar(&s.http, "http", "", "the `host:port` to serve HTTP on; port 0 picks one")
	f.StringVar(&s.health, "health", "", "the `host:port` to serve GET /healthz and /readyz on (default none)")
	f.Var(&s.wka, "wka", "well-known `addresses`, host:port with commas between: where to look for the group")
	f.Var(&s.properties, "property", "a `key=value` to publish; may be repeated. "+
		members.HTTPPort+" is the port of -http and "+members.HTTPSPort+" that of -https unless they are set here")
	f.BoolVar(&s.events, "events", false, "print the events of the domain as lines of JSON on standard output")
	s.keyFile = f.KeyFile()
	f.BoolVar(&s.insecure, "insecure", false, "listen beyond loopback although nothing is encrypted")
	f.StringVar(&s.tribes, "tribes", "", "the `kind` of a group of Java members (Apache Tribes): static, service or axis2; "+
		"-wka are its other members, with axis2 the well-known ones")
	f.StringVar(&s.channel, "tribes-channel", "", "the `name` of the channel with -tribes service (default \"chan\")")
	s.fileFlags(f)
	if err := f.Parse(args, help); err != nil {
		return nil, err
	}
	s.sources = program.NewSources(f)
	if err := s.readFiles(); err != nil {
		return nil, err
	}
	return &s, s.check()
}

// fileFlags are those about the files of the originals, and what comes with
// them.
func (s *settings) fileFlags(f program.Flags) {
	f.StringVar(&s.axis2, "axis2", "", "an axis2.xml: the `file` that says where it listens, its domain, and the addresses of members")
	f.StringVar(&s.carbon, "carbon", "", "a carbon.xml: the `file` with the offset of ports and the name of the host")
	f.StringVar(&s.home, "home", ".", "the `folder` in which relative paths of files begin")
	f.IntVar(&s.offset, "offset", 0, "`added` to the ports of HTTP and HTTPS that come from axis2.xml")
	f.BoolVar(&s.offsetMember, "offset-member", false, "add the offset to the member port of axis2.xml as well")
	f.BoolVar(&s.printConfig, "print-config", false, "print every setting with where it comes from, and end")
	f.BoolVar(&s.checkConfig, "check-config", false, "check the settings and what the files say, and end: 0 is good, 2 is not")
	f.StringVar(&s.https, "https", "", "the `host:port` to serve HTTPS on (default none)")
	f.StringVar(&s.cert, "cert", "", "the `file` with certificate and key for -https: PEM, PKCS #12 or JKS (default one that is "+
		"made at start)")
	f.StringVar(&s.certKey, "cert-key", "", "the `file` with the key, where PEM has it in a file of its own")
	f.StringVar(&s.certPassword, "cert-password", "", "the `file` with the password of -cert")
	f.StringVar(&s.hostName, "host-name", "", "the `host` that absolute redirects name (default the one that the client has asked for)")
	f.IntVar(&s.proxyPort, "proxy-port", 0, "the `port` of the balancer that absolute redirects name, for HTTP (default its own)")
	f.IntVar(&s.proxyPortTLS, "proxy-port-https", 0, "the same for HTTPS, as a `port`")
}

// check finds what is missing or can be seen to be wrong without the library.
func (s *settings) check() error {
	switch {
	case s.domain == "":
		return program.Missing("domain", "want the name of the group, as wso2.is.domain")
	case s.advertise == "" && s.listen == "":
		return program.Missing("advertise", "want the host:port that other members dial, as 127.0.0.1:4100")
	case len(s.wka) == 0:
		return program.Missing("wka", "want the host:port of a balancer or member, as 127.0.0.1:4000")
	case s.http == "" && s.https == "":
		return program.Missing("http", "want the host:port to serve on, as 127.0.0.1:9763")
	}
	for _, f := range []struct{ name, address string }{{"http", s.http}, {"https", s.https}, {"listen", s.listen},
		{"health", s.health}} {
		if f.address != "" {
			if err := program.Address(f.name, f.address); err != nil {
				return err
			}
		}
	}
	if s.cert != "" && s.sources.Given("cert") {
		s.store = keystore.Source{File: s.cert, KeyFile: s.certKey}
	}
	if err := s.checkTribes(); err != nil {
		return err
	}
	for _, port := range []int{s.proxyPort, s.proxyPortTLS} {
		if port < 0 || port > 65535 {
			return program.Missing("proxy-port", "want -proxy-port and -proxy-port-https from 1 to 65535")
		}
	}
	// Wherever it is published, what it says is checked now.
	_, err := s.published("1", "1")
	return err
}

// config makes the library's settings.
func (s *settings) config(properties map[string]string) membership.Config {
	return membership.Config{
		Domain:     s.domain,
		SubDomain:  s.subDomain,
		Cluster:    s.cluster,
		Name:       s.name,
		Advertise:  s.advertise,
		WellKnown:  wka.List(s.wka),
		Properties: properties,
		Keys:       s.keyFile.Keys(),
		Insecure:   s.insecure,
	}
}

// published are the properties: the ports really served on, "" for none, then
// what a file says, then the command line, whose word counts, say behind a port
// mapping.
func (s *settings) published(httpPort, httpsPort string) (map[string]string, error) {
	out := map[string]string{}
	if httpPort != "" {
		out[members.HTTPPort] = httpPort
	}
	if httpsPort != "" {
		out[members.HTTPSPort] = httpsPort
	}
	host, _, err := net.SplitHostPort(s.advertise)
	if err != nil {
		host = s.hostName
	}
	for _, p := range s.offered {
		value, err := p.Publish(host, httpPort, httpsPort, program.Environment)
		if err != nil {
			return nil, program.FileError("axis2", err)
		}
		out[p.Name] = value
	}
	maps.Copy(out, s.properties)
	return out, nil
}
