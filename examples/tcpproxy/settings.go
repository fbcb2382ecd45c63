package main

import (
	"io"
	"time"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// settings are the flags as they were given.
type settings struct {
	domain, manage, advertise, listen, port string
	wka                                     program.List
	drain                                   time.Duration
	insecure                                bool
}

// flagOf says which flag a field of membership.Config comes from.
var flagOf = map[string]string{
	"Domain": "domain", "Manage": "manage", "Advertise": "advertise", "Listener": "advertise", "WellKnown": "wka", "Insecure": "insecure",
}

// parse reads the flags; help is where -h writes to.
func parse(args []string, help io.Writer) (*settings, error) {
	var s settings
	f := program.NewFlags("tcpproxy", "hands TCP connections to the members of a domain")
	f.StringVar(&s.domain, "domain", "wso2.carbon.lb.domain", "the `name` of its own group, that of the balancers")
	f.StringVar(&s.manage, "manage", "", "the `domain` whose members get the connections")
	f.StringVar(&s.advertise, "advertise", "", "the `host:port` that members dial")
	f.StringVar(&s.listen, "listen", "", "the `host:port` to take connections on")
	f.StringVar(&s.port, "port-property", "tcpPort", "the `property` under which members publish their port")
	f.Var(&s.wka, "wka", "well-known `addresses`, host:port with commas between; its own may be among them")
	f.DurationVar(&s.drain, "drain", 5*time.Second, "how long connections may still last after SIGTERM")
	f.BoolVar(&s.insecure, "insecure", false, "listen for members beyond loopback although nothing is encrypted")
	if err := f.Parse(args, help); err != nil {
		return nil, err
	}
	return &s, s.check()
}

func (s *settings) check() error {
	switch {
	case s.manage == "" || s.manage == "*":
		return program.Missing("manage", "want one domain, as wso2.is.domain")
	case s.advertise == "":
		return program.Missing("advertise", "want the host:port that members dial, as 127.0.0.1:4000")
	case len(s.wka) == 0:
		return program.Missing("wka", "want the host:port of a balancer, which may be this one, as 127.0.0.1:4000")
	case s.listen == "":
		return program.Missing("listen", "want the host:port to take connections on, as 127.0.0.1:5000")
	case s.drain < 0:
		return program.Bad("drain", s.drain.String(), "want a duration from 0 on")
	}
	return program.Address("listen", s.listen)
}

// config makes the library's settings.
func (s *settings) config() membership.Config {
	return membership.Config{
		Domain: s.domain, Manage: []string{s.manage}, Advertise: s.advertise, WellKnown: wka.List(s.wka), Insecure: s.insecure,
	}
}
