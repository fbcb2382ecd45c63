package main

import (
	"io"
	"maps"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// settings are the flags as they were given, checked only so far as the library
// does not do it.
type settings struct {
	domain, subDomain, cluster, name string
	advertise, listen, http          string
	wka                              program.List
	properties                       program.Pairs
	events, insecure                 bool
	keyFile                          *program.KeyFile
	tribes                           string // the kind of Java group; "" is a group of this library
	channel                          string // its channel, with service
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

// parse reads the flags; help is where -h writes to.
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
	f.Var(&s.wka, "wka", "well-known `addresses`, host:port with commas between: where to look for the group")
	f.Var(&s.properties, "property", "a `key=value` to publish; may be repeated. "+
		balance.PortProperty+" is the port of -http unless it is set here")
	f.StringVar(&s.tribes, "tribes", "", "the `kind` of a group of Java members (Apache Tribes): static, service or axis2; "+
		"-wka are its other members, with axis2 the well-known ones")
	f.StringVar(&s.channel, "tribes-channel", "", "the `name` of the channel with -tribes service (default \"chan\")")
	f.BoolVar(&s.events, "events", false, "print the events of the domain as lines of JSON on standard output")
	s.keyFile = f.KeyFile()
	f.BoolVar(&s.insecure, "insecure", false, "listen beyond loopback although nothing is encrypted")
	if err := f.Parse(args, help); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return &s, s.keyFile.Load()
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
	case s.http == "":
		return program.Missing("http", "want the host:port to serve on, as 127.0.0.1:9763")
	}
	if err := program.Address("http", s.http); err != nil {
		return err
	}
	if s.listen != "" {
		return program.Address("listen", s.listen)
	}
	return nil
}

// config makes the library's settings; httpPort is the port really served on.
func (s *settings) config(httpPort string) membership.Config {
	properties := map[string]string{balance.PortProperty: httpPort}
	maps.Copy(properties, s.properties) // the user's word counts, say behind a port mapping
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
