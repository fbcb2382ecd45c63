package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"text/template"

	"github.com/gotribes/tribes/membership"
)

// A page is what a template sees.
type page struct {
	Domain  string
	Members []entry // sorted by address; those that leave are not among them
}

// An entry is one member.
type entry struct {
	membership.Member
	Host string // of its address
	Port string // of its address: not that of its server, which is a property
}

// pageOf makes a page of a view. Who is under suspicion stays: the server finds
// out by itself, and a reload for each doubt is worse.
func pageOf(v membership.View) page {
	p := page{Domain: v.Domain()}
	for m := range v.All() {
		if m.State == membership.Leaving {
			continue
		}
		host, port, err := net.SplitHostPort(m.Address)
		if err != nil {
			continue
		}
		p.Members = append(p.Members, entry{m, host, port})
	}
	return p
}

// Draining says that the member takes nothing new but what is sticky.
func (e entry) Draining() bool { return e.State == membership.Draining }

// render fills the template.
func render(t *template.Template, v membership.View) ([]byte, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, pageOf(v)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// replace writes a file in one step: whoever reads it sees the old one or the
// new one. Its mode stays, or is that of a new file.
func replace(name string, content []byte) (err error) {
	mode := os.FileMode(0o644)
	if old, err := os.Stat(name); err == nil {
		mode = old.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".filehook-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // once it is renamed there is nothing to remove
	_, err = f.Write(content)
	for _, step := range []func() error{func() error { return f.Chmod(mode) }, f.Sync, f.Close} {
		if e := step(); err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
