// Package axis2 reads what concerns a cluster in axis2.xml: the clustering part,
// and where the program listens for HTTP and HTTPS. The rest of the file is for
// others and is not looked at. Settings of the two parts that mean nothing here
// are reported with the reason, unknown ones are errors.
package axis2

import (
	"net"
	"strconv"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/xmltree"
)

// A Value is a setting with its place. Text is "" where it is not set.
type Value struct {
	At   conf.Place
	Text string
}

// A Property is published with the member. Its value may hold ${hostName},
// ${httpPort} and ${httpsPort}, see Publish.
type Property struct {
	At          conf.Place
	Name, Value string
}

// A Receiver is a transportReceiver.
type Receiver struct {
	At          conf.Place
	Port        Value // a number from 1 to 65535
	ProxyPort   Value // that of the balancer in front, as clients see it
	BindAddress Value // "" is all interfaces
	Keystore    *Keystore
}

// A Keystore says where the certificate of an HTTPS receiver is.
type Keystore struct {
	At                                    conf.Place
	Location, Type, Password, KeyPassword Value
}

// A Clustering is the part of that name.
type Clustering struct {
	At         conf.Place
	Domain     Value
	Host, Port Value // that others dial
	BindHost   Value // that it listens on, where that differs
	BindPort   Value
	SubDomain  Value // also one of Properties
	Members    []Value
	Properties []Property
	Managed    []Value // domains that are followed; none unless group management is on
}

// A File is what an axis2.xml says. Parts that it does not have are nil.
type File struct {
	At          conf.Place
	HTTP, HTTPS *Receiver
	Clustering  *Clustering
	Notes       []conf.Note // settings without an effect
}

// Read reads a file from the disk, see Parse.
func Read(file string, lookup func(name string) (string, bool)) (*File, error) {
	data, err := conf.Read(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, data, lookup)
}

// Parse reads the text of a file. lookup gives the value for ${name}. The error
// is a conf.Problems.
func Parse(file string, data []byte, lookup func(name string) (string, bool)) (*File, error) {
	root, err := xmltree.Parse(file, data)
	if err != nil {
		return nil, err
	}
	r := &reader{lookup: lookup}
	if root.Name != "axisconfig" {
		r.report.Bad(root.At, "the file begins with <%s>, not with <axisconfig>; is it an axis2.xml?", root.Name)
		return nil, r.report.Err()
	}
	out := &File{At: root.At}
	for _, e := range root.Children {
		switch name, _ := e.Attr("name"); {
		case e.Name == "transportReceiver" && name == "http":
			out.HTTP = r.receiver(e, out.HTTP)
		case e.Name == "transportReceiver" && name == "https":
			out.HTTPS = r.receiver(e, out.HTTPS)
		case e.Name == "clustering" && out.Clustering != nil:
			r.report.Bad(e.At, "<clustering> is there twice; the first is at line %d", out.Clustering.At.Line)
		case e.Name == "clustering":
			out.Clustering = r.clustering(e)
		}
	}
	if err := r.report.Err(); err != nil {
		return nil, err
	}
	out.Notes = r.report.Notes
	return out, nil
}

// Publish gives the value of a property as a member publishes it: with
// ${hostName}, ${httpPort} and ${httpsPort} replaced by the member's own. lookup
// gives the value of any other name. The error has the property's place.
func (p Property) Publish(hostName, httpPort, httpsPort string, lookup func(name string) (string, bool)) (string, error) {
	own := map[string]string{"hostName": hostName, "httpPort": httpPort, "httpsPort": httpsPort}
	value, err := conf.Expand(p.Value, func(name string) (string, bool) {
		if value, ok := own[name]; ok {
			return value, value != ""
		}
		return lookup(name)
	})
	if err != nil {
		return "", conf.Problems{{Place: p.At, Text: "property " + p.Name + ": " + err.Error()}}
	}
	return value, nil
}

// A reader turns elements into settings.
type reader struct {
	report conf.Report
	lookup func(name string) (string, bool)
}

// value takes the text of an element and replaces ${name}.
func (r *reader) value(e *xmltree.Element) Value {
	text, err := conf.Expand(e.Text, r.lookup)
	if err != nil {
		r.report.Bad(e.At, "%s: %v", label(e), err)
	}
	return Value{e.At, text}
}

// label is how an operator finds a setting: the name of a parameter, else that
// of the element.
func label(e *xmltree.Element) string {
	if name, ok := e.Attr("name"); ok {
		return name
	}
	return e.Name
}

// port takes a port from 1 to 65535.
func (r *reader) port(e *xmltree.Element) Value {
	v := r.value(e)
	if n, err := strconv.ParseUint(v.Text, 10, 16); err != nil || n == 0 {
		r.report.Bad(e.At, "%s %q: want a port from 1 to 65535", label(e), v.Text)
	}
	return v
}

// boolean takes an attribute that is true or false.
func (r *reader) boolean(e *xmltree.Element, name string, otherwise bool) bool {
	text, ok := e.Attr(name)
	switch strings.TrimSpace(text) {
	case "true":
		return true
	case "false":
		return false
	}
	if ok {
		r.report.Bad(e.At, "%s=%q of <%s>: want true or false", name, text, e.Name)
	}
	return otherwise
}

// parameters calls take for each parameter of an element, and reports those that
// come twice or have no name.
func (r *reader) parameters(e *xmltree.Element, take func(name string, p *xmltree.Element)) {
	seen := map[string]int{}
	for _, p := range e.Children {
		if p.Name != "parameter" {
			continue
		}
		name, _ := p.Attr("name")
		line, twice := seen[name]
		switch {
		case name == "":
			r.report.Bad(p.At, "a parameter of <%s> has no name", e.Name)
		case twice:
			r.report.Bad(p.At, "the parameter %q of <%s> is set twice; the first time at line %d", name, e.Name, line)
		default:
			seen[name] = p.At.Line
			take(name, p)
		}
	}
}

// address joins the host and the port of a well-known member.
func (r *reader) address(e *xmltree.Element) (Value, bool) {
	host, port := e.Child("hostName"), e.Child("port")
	if host == nil || port == nil || host.Text == "" {
		r.report.Bad(e.At, "a <member> of <members> needs a <hostName> and a <port>")
		return Value{}, false
	}
	return Value{e.At, net.JoinHostPort(r.value(host).Text, r.port(port).Text)}, true
}
