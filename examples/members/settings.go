package main

import (
	"errors"
	"flag"
	"io"
	"time"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership/inspect"
	"github.com/gotribes/tribes/transport"
)

// settings are what the command line says.
type settings struct {
	command, who      string
	wellKnown         program.List
	domain            string
	advertise, listen string
	cluster, keyFile  string
	certificates
	watch, json     bool
	every           time.Duration
	heartbeat, drop time.Duration
	keys            []transport.Key
}

// flags adds all of them.
func (s *settings) flags(f program.Flags) {
	f.Var(&s.wellKnown, "wka", "the `addresses` to ask, host:port with commas between")
	f.StringVar(&s.domain, "domain", "", "the `domain`")
	f.StringVar(&s.cluster, "cluster", "default", "the `name` of the cluster")
	f.StringVar(&s.keyFile, "key-file", "", "the `file` with the cluster keys")
	s.certificates.flags(f)
	f.StringVar(&s.advertise, "advertise", "", "doctor: the `address` that a node here would advertise; it is listened on and dialled back")
	f.StringVar(&s.listen, "listen", "", "doctor: the `host:port` to listen on in its place, where -advertise is of "+
		"another machine (NAT) or port (mapped)")
	f.BoolVar(&s.watch, "watch", false, "print the view again whenever it has changed")
	f.BoolVar(&s.json, "json", false, "print JSON")
	f.DurationVar(&s.every, "every", time.Second, "how often -watch asks, at least 100ms")
	f.DurationVar(&s.heartbeat, "heartbeat", 500*time.Millisecond, "doctor: HeartbeatInterval of a node here")
	f.DurationVar(&s.drop, "drop-time", 3*time.Second, "doctor: MemberDropTime of a node here")
}

func parse(args []string, help io.Writer) (*settings, error) {
	s := &settings{}
	if len(args) > 0 && (args[0] == "why" || args[0] == "doctor") {
		s.command, args = args[0], args[1:]
	}
	if s.command == "why" && len(args) > 0 && args[0] != "-h" {
		s.who, args = args[0], args[1:]
	}
	f := program.NewFlags("members", "asks who is in a domain, without taking part")
	s.flags(f)
	if err := f.Parse(args, help); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			printUsage(help)
		}
		return nil, err
	}
	switch {
	case len(s.wellKnown) == 0:
		return nil, program.Missing("wka", "the address of a member or manager, host:port")
	case s.domain == "" && s.command != "doctor":
		return nil, program.Missing("domain", "the domain to ask for")
	case s.command == "why" && s.who == "":
		return nil, &program.SettingError{Text: "why: want an ID, its first digits, an address or a name: members why ID -wka …"}
	case s.listen != "" && s.advertise == "":
		return nil, program.Missing("advertise", "-listen is where that leads: give both")
	case s.every < 100*time.Millisecond:
		return nil, program.Bad("every", s.every.String(), "want 100ms or more")
	}
	for _, a := range s.wellKnown {
		if err := program.Address("wka", a); err != nil {
			return nil, err
		}
	}
	for name, a := range map[string]string{"advertise": s.advertise, "listen": s.listen} {
		if a != "" {
			if err := program.Address(name, a); err != nil {
				return nil, err
			}
		}
	}
	if s.keyFile != "" {
		keys, err := transport.ReadKeyFile(s.keyFile)
		if err != nil {
			return nil, &program.SettingError{Text: "-key-file: " + err.Error(), Err: err}
		}
		s.keys = keys
	}
	return s, s.certificates.read(s.keyFile)
}

func (s *settings) asking() inspect.Config {
	return inspect.Config{Cluster: s.cluster, Keys: s.keys, TLS: s.tls}
}
