package main

import (
	"io"
	"strings"
	"time"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// settings are the flags as they were given.
type settings struct {
	domain, manage, advertise string
	wka                       program.List
	template, out, exec       string
	settle, linger, timeout   time.Duration
	insecure                  bool
	keyFile                   *program.KeyFile
}

// flagOf says which flag a field of membership.Config comes from.
var flagOf = map[string]string{
	"Domain": "domain", "Manage": "manage", "Advertise": "advertise", "Listener": "advertise", "WellKnown": "wka", "Insecure": "insecure",
	"Keys": "key-file",
}

// parse reads the flags; help is where -h writes to.
func parse(args []string, help io.Writer) (*settings, error) {
	var s settings
	f := program.NewFlags("filehook", "writes the members of a domain into a file and runs a command when that changes")
	f.StringVar(&s.domain, "domain", "wso2.carbon.lb.domain", "the `name` of its own group, that of the balancers")
	f.StringVar(&s.manage, "manage", "", "the `domain` that it follows")
	f.StringVar(&s.advertise, "advertise", "", "the `host:port` that members dial")
	f.Var(&s.wka, "wka", "well-known `addresses`, host:port with commas between; its own may be among them")
	f.StringVar(&s.template, "template", "", "the `file` with the template, in the form of Go's text/template")
	f.StringVar(&s.out, "out", "", "the `file` to write; it is replaced in one step")
	f.StringVar(&s.exec, "exec", "", "the `command` to run after the file has changed, words with blanks between; no shell is involved")
	f.DurationVar(&s.settle, "settle", 200*time.Millisecond, "wait until nothing has changed for so long, and at most five times as long")
	// A command that only asks for a reload, as nginx -s reload does, ends before it
	// is done: this time is all there is for it, and nobody looks whether it was enough.
	f.DurationVar(&s.linger, "linger", time.Second, "keep members that leave waiting so long after the command: "+
		"a server that reloads goes on with its old file for a moment")
	f.DurationVar(&s.timeout, "timeout", 10*time.Second, "end the command after so long; it is tried again")
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

func (s *settings) check() error {
	switch {
	case s.manage == "" || s.manage == "*":
		return program.Missing("manage", "want one domain, as wso2.is.domain")
	case s.advertise == "":
		return program.Missing("advertise", "want the host:port that members dial, as 127.0.0.1:4000")
	case len(s.wka) == 0:
		return program.Missing("wka", "want the host:port of a balancer, which may be this one, as 127.0.0.1:4000")
	case s.template == "":
		return program.Missing("template", "want a file, as examples/filehook/nginx.tmpl")
	case s.out == "":
		return program.Missing("out", "want a file, as /etc/nginx/conf.d/tribes.conf")
	case len(strings.Fields(s.exec)) == 0:
		return program.Missing("exec", "want a command, as \"nginx -s reload\"")
	case s.settle < 0:
		return program.Bad("settle", s.settle.String(), "want a duration from 0 on")
	case s.linger < 0:
		return program.Bad("linger", s.linger.String(), "want a duration from 0 on")
	case s.timeout <= 0:
		return program.Bad("timeout", s.timeout.String(), "want a duration above 0")
	}
	return nil
}

// config makes the library's settings.
func (s *settings) config() membership.Config {
	return membership.Config{
		Domain: s.domain, Manage: []string{s.manage}, Advertise: s.advertise, WellKnown: wka.List(s.wka), Insecure: s.insecure,
		Keys: s.keyFile.Keys(),
	}
}
