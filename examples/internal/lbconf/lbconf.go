// Package lbconf reads loadbalancer.conf, the file in which the original
// balancer was told which hosts lead to which domains: the style of its version
// 2.0, in which a domain has a block for each sub_domain, and that of 2.1, in
// which a domain's block has a block for each.
//
// What the original read wrongly or crashed on is read here as it was meant, or
// is an error with its place; nothing is passed over in silence. Settings
// without an effect are checked all the same, and reported.
package lbconf

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gotribes/tribes/examples/internal/conf"
)

// A File is what a loadbalancer.conf says.
type File struct {
	Routes         []Route       // in the order of the file, duplicates left out
	SessionTimeout time.Duration // of sticky sessions; 0 where the file does not say
	TimeoutAt      conf.Place    // of session_timeout
	Notes          []conf.Note   // settings without an effect
}

// Domains are the domains of all routes, each once, in the order of the file.
func (f *File) Domains() []string {
	var out []string
	for _, r := range f.Routes {
		if !slices.Contains(out, r.Domain) {
			out = append(out, r.Domain)
		}
	}
	return out
}

// A Route says that requests for some hosts and tenants go to the members of a
// domain, or of a part of it.
type Route struct {
	At        conf.Place
	Service   string
	Domain    string
	SubDomain string // "" is every member of the domain
	Tenants   Tenants
	Hosts     []Host // at least one
}

// leads tells whether two routes end at the same members.
func (r Route) leads(o Route) bool { return r.Domain == o.Domain && r.SubDomain == o.SubDomain }

// A Host is a name that stands for itself and for all names below it.
type Host struct {
	At   conf.Place
	Name string // in lower case
}

// Tenants are those that a route is for: any that no other route names, or the
// numbers From to To.
type Tenants struct {
	Any      bool
	From, To int // both included, from 1
}

// String returns what a file would say: "*", "7" or "1-100".
func (t Tenants) String() string {
	switch {
	case t.Any:
		return "*"
	case t.From == t.To:
		return strconv.Itoa(t.From)
	}
	return strconv.Itoa(t.From) + "-" + strconv.Itoa(t.To)
}

// overlaps tells whether a tenant is in both.
func (t Tenants) overlaps(o Tenants) bool {
	if t.Any || o.Any {
		return t.Any && o.Any // a range goes before any
	}
	return t.From <= o.To && o.From <= t.To
}

// Read reads a file from the disk, see Parse.
func Read(file string, lookup func(name string) (string, bool)) (*File, error) {
	data, err := conf.Read(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, data, lookup)
}

// Parse reads the text of a file. lookup gives the value for ${name} in settings
// that have an effect. The error is a conf.Problems.
func Parse(file string, data []byte, lookup func(name string) (string, bool)) (*File, error) {
	text, err := conf.Text(file, data)
	if err != nil {
		return nil, err
	}
	var report conf.Report
	root := parse(file, string(text), &report)
	if err := report.Err(); err != nil {
		return nil, err // what it means is anybody's guess
	}
	r := &reader{report: &report, lookup: lookup}
	r.root(root)
	if err := report.Err(); err != nil {
		return nil, err
	}
	r.file.Notes = report.Notes
	return &r.file, nil
}

// root reads the blocks of the whole file.
func (r *reader) root(root *block) {
	for _, p := range root.pairs {
		r.report.Bad(p.at, "%q stands outside of all blocks; want it in loadbalancer { } or services { }", p.key)
	}
	for _, b := range root.blocks {
		if b.name != "loadbalancer" && b.name != "services" {
			r.report.Bad(b.at, "%s", conf.Unknown("block", b.name, []string{"loadbalancer", "services"}))
		}
	}
	if b := root.first("loadbalancer", r.report); b != nil {
		r.loadbalancer(b)
	}
	services := root.first("services", r.report)
	if services == nil {
		if r.report.Err() == nil {
			r.report.Bad(conf.Place{File: root.at.File}, "the block \"services\" is missing, so no host leads anywhere")
		}
		return
	}
	r.services(services)
	r.conflicts()
}

// loadbalancer reads the settings of the balancer itself.
func (r *reader) loadbalancer(b *block) {
	for _, c := range b.blocks {
		r.report.Bad(c.at, "loadbalancer has no blocks in it; is the \"}\" of loadbalancer missing before %q?", c.name)
	}
	for _, p := range r.once(b) {
		if p.key != "session_timeout" {
			r.unused(p, unusedAbove, "session_timeout")
			continue
		}
		value, ok := r.expand(p)
		n, err := strconv.ParseInt(value, 10, 64)
		switch {
		case !ok:
		case err != nil || n < -1 || n > int64(mostTimeout/time.Millisecond):
			r.report.Bad(p.at, "session_timeout %q: want milliseconds up to %d, or -1 for the default",
				value, mostTimeout/time.Millisecond)
		case n > 0:
			r.file.SessionTimeout, r.file.TimeoutAt = time.Duration(n)*time.Millisecond, p.at
		}
	}
}

// mostTimeout bounds session_timeout.
const mostTimeout = 30 * 24 * time.Hour

// tenants reads a tenant_range.
func tenants(value string) (Tenants, bool) {
	if value == "*" {
		return Tenants{Any: true}, true
	}
	from, to, isRange := strings.Cut(value, "-")
	if !isRange {
		to = from
	}
	a, errA := strconv.Atoi(strings.TrimSpace(from))
	b, errB := strconv.Atoi(strings.TrimSpace(to))
	return Tenants{From: a, To: b}, errA == nil && errB == nil && 1 <= a && a <= b
}
