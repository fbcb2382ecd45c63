package main

import (
	"io"
	"net/http"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/upstream"
	"github.com/gotribes/tribes/wka"
)

// anyDomain stands for every domain that members bring.
const anyDomain = "*"

// What a balancer uses if its flags say nothing else.
const (
	defaultDomain = "wso2.carbon.lb.domain"
	defaultHTTP   = ":8290"
)

// settings are the flags as they were given, checked only so far as the library
// does not do it.
type settings struct {
	domain, cluster, name  string
	advertise, http, admin string
	wka, manage, hosts     program.List
	sticky                 string
	tribes                 string        // the kind of Java group; "" is a group of this library
	channel                string        // its channel, with service
	httpPorts              program.Pairs // of Java members that publish none, by address
	routes                 routes        // from hosts and manage
	events, insecure       bool
	keyFile                *program.KeyFile
}

// flagOf says which flag a field of membership.Config comes from.
var flagOf = map[string]string{
	"Domain":    "domain",
	"Cluster":   "cluster",
	"Name":      "name",
	"Manage":    "manage",
	"Advertise": "advertise",
	"Listener":  "advertise", // the library listens there
	"WellKnown": "wka",
	"Insecure":  "insecure",
	"Keys":      "key-file",
}

// parse reads the flags; help is where -h writes to.
func parse(args []string, help io.Writer) (*settings, error) {
	var s settings
	f := program.NewFlags("elb", "a load balancer for the members of domains")
	f.StringVar(&s.domain, "domain", defaultDomain, "the `name` of its own group, that of the balancers")
	f.StringVar(&s.cluster, "cluster", "", "the `name` of the cluster (default \"default\"); others are refused")
	f.StringVar(&s.name, "name", "", "its `name`, unique in its domain (default the address of -advertise)")
	f.StringVar(&s.advertise, "advertise", "", "the `host:port` that members dial")
	f.StringVar(&s.http, "http", defaultHTTP, "the `host:port` to serve HTTP on; port 0 picks one")
	f.StringVar(&s.admin, "admin", "", "the `host:port` to serve GET /members on, the views as JSON (default none)")
	f.Var(&s.wka, "wka", "well-known `addresses`, host:port with commas between; its own may be among them")
	f.Var(&s.manage, "manage", "the `domains` that it balances, with commas between, or * for all that members bring")
	f.Var(&s.hosts, "hosts", "`host=domain` items, with commas between: where requests for a host go "+
		"(default all to the domain of -manage, if that is just one)")
	f.StringVar(&s.sticky, "sticky", "", "the `name` of a cookie that keeps clients at their members (default none)")
	f.StringVar(&s.tribes, "tribes", "", "the `kind` of a group of Java members (Apache Tribes): static, service or axis2. "+
		"With static and service, -manage is the domain of the group and -wka its other members; with axis2 they are as ever")
	f.StringVar(&s.channel, "tribes-channel", "", "the `name` of the channel with -tribes service; Tomcat's is its "+
		"clusterName and -Channel (default \"chan\")")
	f.Var(&s.httpPorts, "http-port", "the HTTP port of a Java member that publishes none, as `host:port=8080`; may be repeated")
	f.BoolVar(&s.events, "events", false, "print the events of all its domains as lines of JSON on standard output")
	s.keyFile = f.KeyFile()
	f.BoolVar(&s.insecure, "insecure", false, "listen for members beyond loopback although nothing is encrypted")
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
	case s.advertise == "":
		return program.Missing("advertise", "want the host:port that members dial, as 127.0.0.1:4000")
	case len(s.wka) == 0:
		return program.Missing("wka", "want the host:port of a balancer, which may be this one, as 127.0.0.1:4000")
	case len(s.manage) == 0:
		return program.Missing("manage", "want the domains to balance, as wso2.is.domain, or *")
	}
	if err := program.Address("http", s.http); err != nil {
		return err
	}
	if s.sticky != "" && (&http.Cookie{Name: s.sticky, Value: "x"}).Valid() != nil {
		return program.Bad("sticky", s.sticky, "want the name of a cookie")
	}
	if s.admin != "" {
		if err := program.Address("admin", s.admin); err != nil {
			return err
		}
	}
	if err := s.checkTribes(); err != nil {
		return err
	}
	var err error
	s.routes, err = parseRoutes(s.hosts, s.manage)
	return err
}

// options makes those of the pools.
func (s *settings) options() upstream.Options {
	if s.sticky == "" {
		return upstream.Options{}
	}
	return upstream.Options{Sticky: &upstream.Sticky{Name: s.sticky}}
}

// config makes the library's settings.
func (s *settings) config() membership.Config {
	return membership.Config{
		Domain:    s.domain,
		Cluster:   s.cluster,
		Name:      s.name,
		Manage:    s.manage,
		Advertise: s.advertise,
		WellKnown: wka.List(s.wka),
		Keys:      s.keyFile.Keys(),
		Insecure:  s.insecure,
	}
}
