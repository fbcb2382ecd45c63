package main

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gotribes/tribes/examples/internal/axis2"
	"github.com/gotribes/tribes/examples/internal/carbon"
	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/keystore"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/examples/internal/program"
)

// defaultMember is the member port where axis2.xml says only the host.
const defaultMember = "4000"

// readFiles reads the files of the originals and gives the flags what they say,
// where the command line does not.
func (s *settings) readFiles() error {
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
			if err := s.sources.Offer("host-name", f.HostName, f.HostAt.Short()); err != nil {
				return err
			}
		}
	}
	if s.offset < 0 {
		return program.Bad("offset", strconv.Itoa(s.offset), "want at least 0")
	}
	if s.axis2 == "" {
		return nil
	}
	f, err := axis2.Read(s.axis2, program.Environment)
	if err != nil {
		return program.FileError("axis2", err)
	}
	s.notes = append(s.notes, f.Notes...)
	if err := s.receiver("http", "proxy-port", f.HTTP); err != nil {
		return err
	}
	if err := s.receiver("https", "proxy-port-https", f.HTTPS); err != nil {
		return err
	}
	if f.HTTPS != nil && f.HTTPS.Keystore != nil && !s.sources.Given("cert") {
		k := f.HTTPS.Keystore
		file := k.Location.Text
		if !filepath.IsAbs(file) {
			file = filepath.Join(s.home, file)
		}
		s.store = keystore.Source{File: file, Password: k.Password.Text, KeyPassword: k.KeyPassword.Text}
		if err := s.sources.Offer("cert", file, k.Location.At.Short()); err != nil {
			return err
		}
	}
	if f.Clustering != nil {
		return s.clustering(f.Clustering)
	}
	return nil
}

// receiver takes where it listens, shifted by the offset, and the port of the
// balancer before it, which is not shifted: it is that of another program.
func (s *settings) receiver(flagName, proxyFlag string, r *axis2.Receiver) error {
	if r == nil {
		return nil
	}
	from := r.Port.At.Short()
	if s.offset > 0 {
		from += " + offset " + strconv.Itoa(s.offset)
		if where := s.sources.From("offset"); where != "" {
			from += " (" + where + ")"
		}
	}
	port, err := strconv.Atoi(r.Port.Text)
	if err == nil {
		port, err = program.Shifted(port, s.offset)
	}
	if err != nil {
		return &program.SettingError{Text: from + ": " + err.Error(), Err: err}
	}
	if err := s.sources.Offer(flagName, net.JoinHostPort(r.BindAddress.Text, strconv.Itoa(port)), from); err != nil {
		return err
	}
	if r.ProxyPort.Text == "" {
		return nil
	}
	return s.sources.Offer(proxyFlag, r.ProxyPort.Text, r.ProxyPort.At.Short())
}

// clustering takes what concerns members.
func (s *settings) clustering(c *axis2.Clustering) error {
	offset := 0
	if s.offsetMember {
		offset = s.offset
	}
	advertise, listen, err := program.MemberAddress(c, defaultMember, offset)
	if err != nil {
		return err
	}
	known := make([]string, 0, len(c.Members))
	for _, m := range c.Members {
		known = append(known, m.Text)
	}
	s.offered = nil
	for _, p := range c.Properties {
		if p.Name != "subDomain" { // which is a field of its own
			s.offered = append(s.offered, p)
		}
	}
	bound := c.BindHost.At
	if c.BindHost.Text == "" {
		bound = c.BindPort.At
	}
	members := c.At
	if len(c.Members) > 0 {
		members = c.Members[0].At
	}
	for _, o := range []struct {
		flagName, value string
		at              conf.Place
	}{
		{"domain", c.Domain.Text, c.Domain.At},
		{"sub-domain", c.SubDomain.Text, c.SubDomain.At},
		{"advertise", advertise, c.Host.At},
		{"listen", listen, bound},
		{"wka", strings.Join(known, ","), members},
	} {
		if o.value == "" {
			continue
		}
		if err := s.sources.Offer(o.flagName, o.value, o.at.Short()); err != nil {
			return err
		}
	}
	for _, d := range c.Managed {
		s.notes = append(s.notes, conf.Note{Place: d.At, Setting: "applicationDomain", Why: "a node follows its own domain; a " +
			"balancer follows others"})
	}
	return nil
}

// astray tells which port mappings lead to a port that is not served here: then
// requests that come in at that port of a balancer find nobody.
func astray(properties map[string]string, ports ...string) []string {
	var out []string
	for key, value := range properties {
		if !strings.HasPrefix(key, members.PortMapping) {
			continue
		}
		served := false
		for _, p := range ports {
			served = served || p == value
		}
		if !served {
			out = append(out, fmt.Sprintf("%s=%s", key, value))
		}
	}
	slices.Sort(out)
	return out
}

// print writes every setting, what is published, and what files say in vain.
func (s *settings) print(out io.Writer) {
	s.sources.Print(out)
	for _, p := range s.offered {
		if _, set := s.properties[p.Name]; !set {
			fmt.Fprintf(out, "publish: %s=%s # %s\n", p.Name, p.Value, p.At.Short())
		}
	}
	program.Notes(out, s.notes)
}
