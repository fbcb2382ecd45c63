package main

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gotribes/tribes/examples/internal/axis2"
	"github.com/gotribes/tribes/examples/internal/carbon"
	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/lbconf"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/examples/internal/tenants"
)

// readFiles reads the files of the originals and gives the flags what they say,
// where the command line does not.
func (s *settings) readFiles() error {
	if err := s.readCarbon(); err != nil {
		return err
	}
	if err := s.readAxis2(); err != nil {
		return err
	}
	if err := s.readConf(); err != nil {
		return err
	}
	if s.tenants != "" {
		if _, err := tenants.Read(s.tenants); err != nil {
			return program.FileError("tenants", err)
		}
	}
	return nil
}

// readCarbon reads the offset of ports.
func (s *settings) readCarbon() error {
	if s.carbon != "" {
		f, err := carbon.Read(s.carbon, program.Environment)
		if err != nil {
			return program.FileError("carbon", err)
		}
		if f.OffsetAt.Line > 0 {
			if err := s.sources.Offer("offset", strconv.Itoa(f.Offset), f.OffsetAt.Short()); err != nil {
				return err
			}
		}
		if f.HostName != "" {
			s.notes = append(s.notes, conf.Note{Place: f.HostAt, Setting: "HostName", Why: "a balancer passes on the host that " +
				"clients ask for"})
		}
	}
	if s.offset < 0 {
		return program.Bad("offset", strconv.Itoa(s.offset), "want at least 0")
	}
	if s.offset > 0 && s.axis2 == "" {
		return s.shift("http", "", defaultHTTP, "default")
	}
	return nil
}

// shift offers an address whose port is shifted by the offset.
func (s *settings) shift(flagName, host, address, from string) error {
	port, err := strconv.Atoi(strings.TrimPrefix(address, ":"))
	if err != nil {
		return program.Bad(flagName, address, "want a port")
	}
	if s.offset > 0 {
		from += " + offset " + strconv.Itoa(s.offset)
		if where := s.sources.From("offset"); where != "" {
			from += " (" + where + ")"
		}
	}
	shifted, err := program.Shifted(port, s.offset)
	if err != nil {
		return &program.SettingError{Text: from + ": " + err.Error(), Err: err}
	}
	return s.sources.Offer(flagName, net.JoinHostPort(host, strconv.Itoa(shifted)), from)
}

// readAxis2 reads where to listen, the certificate, and what concerns members.
func (s *settings) readAxis2() error {
	if s.axis2 == "" {
		return nil
	}
	f, err := axis2.Read(s.axis2, program.Environment)
	if err != nil {
		return program.FileError("axis2", err)
	}
	s.notes = append(s.notes, f.Notes...)
	for _, r := range []struct {
		flagName string
		from     *axis2.Receiver
	}{{"http", f.HTTP}, {"https", f.HTTPS}} {
		if r.from == nil {
			continue
		}
		at := r.from.Port
		if err := s.shift(r.flagName, r.from.BindAddress.Text, at.Text, at.At.Short()); err != nil {
			return err
		}
		if p := r.from.ProxyPort; p.Text != "" {
			s.notes = append(s.notes, conf.Note{Place: p.At, Setting: "proxyPort", Why: "it is for what stands behind a balancer"})
		}
	}
	if f.HTTP == nil && f.HTTPS != nil {
		if err := s.sources.Offer("http", "", f.At.File+": no receiver for http"); err != nil {
			return err
		}
	}
	if f.HTTPS != nil {
		if err := s.keystore(f.HTTPS.Keystore); err != nil {
			return err
		}
	}
	if f.Clustering != nil {
		return s.clustering(f.Clustering)
	}
	return nil
}

// keystore takes the certificate of an HTTPS receiver.
func (s *settings) keystore(k *axis2.Keystore) error {
	if k == nil || s.sources.Given("cert") {
		return nil
	}
	file := k.Location.Text
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.home, file)
	}
	s.stores = []keystore.Source{{File: file, Password: k.Password.Text, KeyPassword: k.KeyPassword.Text}}
	return s.sources.Offer("cert", file, k.Location.At.Short())
}

// clustering takes what concerns members.
func (s *settings) clustering(c *axis2.Clustering) error {
	offer := func(flagName, value string, at conf.Place) error {
		if value == "" {
			return nil
		}
		return s.sources.Offer(flagName, value, at.Short())
	}
	if err := offer("domain", c.Domain.Text, c.Domain.At); err != nil {
		return err
	}
	if err := s.memberAddress(c); err != nil {
		return err
	}
	known := make([]string, 0, len(c.Members))
	for _, m := range c.Members {
		known = append(known, m.Text)
	}
	switch {
	case len(known) > 0:
		if err := offer("wka", strings.Join(known, ","), c.Members[0].At); err != nil {
			return err
		}
	case s.advertise != "": // the originals' balancer is the one that others know, and starts alone
		if err := s.sources.Offer("wka", s.advertise, c.At.Short()+": no <members>, so itself"); err != nil {
			return err
		}
	}
	for _, p := range c.Properties {
		s.notes = append(s.notes, conf.Note{Place: p.At, Setting: "property " + p.Name, Why: "a balancer publishes none"})
	}
	managed := make([]string, 0, len(c.Managed))
	for _, m := range c.Managed {
		managed = append(managed, m.Text)
	}
	if len(managed) > 0 {
		return offer("manage", strings.Join(managed, ","), c.Managed[0].At)
	}
	return nil
}

// memberAddress takes the addresses that members dial and that it listens on.
func (s *settings) memberAddress(c *axis2.Clustering) error {
	advertise, listen, err := program.MemberAddress(c, defaultMember, s.memberOffset())
	if err != nil {
		return err
	}
	if advertise != "" {
		if err := s.sources.Offer("advertise", advertise, c.Host.At.Short()); err != nil {
			return err
		}
	}
	if listen != "" {
		at := c.BindHost.At
		if c.BindHost.Text == "" {
			at = c.BindPort.At
		}
		return s.sources.Offer("listen", listen, at.Short())
	}
	return nil
}

// memberOffset is by how much the member port is shifted: not at all, as with
// the originals, unless it is asked for.
func (s *settings) memberOffset() int {
	if s.offsetMember {
		return s.offset
	}
	return 0
}

// readConf reads which hosts lead where.
func (s *settings) readConf() error {
	if s.conf == "" {
		return nil
	}
	f, err := lbconf.Read(s.conf, program.Environment)
	if err != nil {
		return program.FileError("conf", err)
	}
	s.notes = append(s.notes, f.Notes...)
	s.routes = f.Routes
	if f.SessionTimeout > 0 {
		if err := s.sources.Offer("session-timeout", f.SessionTimeout.String(), f.TimeoutAt.Short()); err != nil {
			return err
		}
	}
	domains := f.Domains()
	from := s.conf
	if s.sources.Has("manage") && !s.sources.Given("manage") { // the domains of axis2.xml and those of this file
		domains = merge(s.manage, domains)
		from = s.sources.From("manage") + ", " + from
		s.manage = nil // Offer adds to it
	}
	return s.sources.Offer("manage", strings.Join(domains, ","), from)
}

// merge returns the items of both lists, each once.
func merge(a, b []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, list := range [][]string{a, b} {
		for _, item := range list {
			if !seen[item] {
				seen[item] = true
				out = append(out, item)
			}
		}
	}
	return out
}
