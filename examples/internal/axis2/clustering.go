package axis2

import (
	"maps"
	"slices"
	"strings"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/xmltree"
)

// Reasons that several settings share.
const (
	noMulticast = "members are found through well-known addresses, not by multicast"
	noMessages  = "applications send no messages to each other here"
	noState     = "no state is copied between members"
	internal    = "the originals set it by themselves"
)

// unusedParameters are those of clustering without an effect, and why.
var unusedParameters = map[string]string{
	"AvoidInitiation":            "a member joins when its program starts",
	"synchronizeAll":             noMessages,
	"maxRetries":                 noMessages,
	"preserveMessageOrder":       noMessages,
	"atmostOnceMessageSemantics": noMessages,
	"mcastAddress":               noMulticast,
	"mcastPort":                  noMulticast,
	"mcastFrequency":             noMulticast,
	"mcastBindAddress":           noMulticast,
	"mcastTTL":                   noMulticast,
	"mcastTimeout":               noMulticast,
	"mcastClusterDomain":         internal,
	"multicastBindAddress":       noMulticast,
	"memberDropTime":             "it belongs to multicast; silence is noticed after 3 s",
	"isActive":                   "every member gets requests",
	"tcpListenHost":              internal,
	"tcpListenPort":              internal,
	"bindAddress":                internal,
	"mode":                       "group management alone says what the program is",
	"loadBalanceEventHandler":    "the balancer itself follows the members",
	"applicationDomain":          "the parameter is an old one; want <applicationDomain> in <groupManagement>",
	"clusteringPattern":          "the parts of a domain are sub-domains here",
	"licenseKey":                 "there is no Hazelcast here",
	"mgtCenterURL":               "there is no Hazelcast here",
}

// usedParameters are the others.
var usedParameters = []string{"membershipScheme", "domain", "localMemberHost", "localMemberPort", "localMemberBindAddress",
	"localMemberBindPort", "properties"}

// unusedElements are parts of clustering without an effect, and why.
var unusedElements = map[string]string{
	"nodeManager":          "configuration is not spread by members",
	"configurationManager": "configuration is not spread by members",
	"nodeManagement":       "configuration is not spread by members",
	"stateManager":         noState,
	"membershipListener":   "events are for the program's own code",
}

// words are the known ones in order, for suggestions.
func words(unused map[string]string, used []string) []string {
	return slices.Sorted(slices.Values(slices.AppendSeq(slices.Clone(used), maps.Keys(unused))))
}

// clustering reads the part of that name.
func (r *reader) clustering(e *xmltree.Element) *Clustering {
	c := &Clustering{At: e.At}
	if !r.boolean(e, "enable", true) {
		r.report.Bad(e.At, "<clustering> has enable=\"false\"; want \"true\", since this program is nothing without its cluster")
		return c
	}
	scheme := ""
	r.parameters(e, func(name string, p *xmltree.Element) {
		switch name {
		case "membershipScheme":
			scheme = r.value(p).Text
			if scheme != "wka" {
				r.report.Bad(p.At, "membershipScheme %q is not known here; want wka, and <members>", scheme)
			}
		case "domain":
			c.Domain = r.value(p)
		case "localMemberHost":
			c.Host = r.value(p)
		case "localMemberPort":
			c.Port = r.port(p)
		case "localMemberBindAddress":
			c.BindHost = r.value(p)
		case "localMemberBindPort":
			c.BindPort = r.port(p)
		case "properties":
			r.properties(c, p)
		default:
			if why, known := unusedParameters[name]; known {
				r.report.Unused(p.At, name, why)
				return
			}
			r.report.Bad(p.At, "%s of <clustering>", conf.Unknown("parameter", name, words(unusedParameters, usedParameters)))
		}
	})
	if scheme == "" {
		r.report.Bad(e.At, "<clustering> has no membershipScheme, which means multicast; want wka")
	}
	for _, part := range e.Children {
		switch part.Name {
		case "parameter":
		case "members":
			r.members(c, part)
		case "groupManagement":
			r.groupManagement(c, part)
		default:
			if why, known := unusedElements[part.Name]; known {
				r.report.Unused(part.At, part.Name, why)
				continue
			}
			all := words(unusedElements, []string{"parameter", "members", "groupManagement"})
			r.report.Bad(part.At, "%s of <clustering>", conf.Unknown("element", part.Name, all))
		}
	}
	return c
}

// members reads the well-known ones.
func (r *reader) members(c *Clustering, e *xmltree.Element) {
	for _, m := range e.Children {
		if m.Name != "member" {
			r.report.Bad(m.At, "%s of <members>", conf.Unknown("element", m.Name, []string{"member"}))
			continue
		}
		if address, ok := r.address(m); ok {
			c.Members = append(c.Members, address)
		}
	}
}

// properties reads what is published. Values are expanded when they are, since
// some name the member's own ports.
func (r *reader) properties(c *Clustering, e *xmltree.Element) {
	for _, p := range e.Children {
		name, _ := p.Attr("name")
		value, ok := p.Attr("value")
		twice := slices.ContainsFunc(c.Properties, func(o Property) bool { return o.Name == name })
		switch {
		case p.Name != "property":
			r.report.Bad(p.At, "%s of the parameter properties", conf.Unknown("element", p.Name, []string{"property"}))
			continue
		case name == "" || !ok:
			r.report.Bad(p.At, "a <property> needs a name and a value")
			continue
		case twice:
			r.report.Bad(p.At, "the property %q is set twice", name)
			continue
		case strings.HasPrefix(name, "port.mapping."):
			r.mapping(p.At, name, value)
		case name == "subDomain":
			text, err := conf.Expand(value, r.lookup)
			if err != nil {
				r.report.Bad(p.At, "property %s: %v", name, err)
			}
			c.SubDomain = Value{p.At, text}
		}
		c.Properties = append(c.Properties, Property{p.At, name, value})
	}
}

// mapping checks the ports of a port.mapping, as far as they are spelt out.
func (r *reader) mapping(at conf.Place, name, value string) {
	front := strings.TrimPrefix(name, "port.mapping.")
	if !isPort(front) {
		r.report.Bad(at, "property %s: want a port of the balancer behind \"port.mapping.\"", name)
	}
	if !strings.Contains(value, "${") && !isPort(value) {
		r.report.Bad(at, "property %s %q: want the port of this member that the balancer is to use", name, value)
	}
}

// groupManagement reads the domains that a balancer follows.
func (r *reader) groupManagement(c *Clustering, e *xmltree.Element) {
	if !r.boolean(e, "enable", false) {
		return
	}
	for _, d := range e.Children {
		if d.Name != "applicationDomain" {
			r.report.Bad(d.At, "%s of <groupManagement>", conf.Unknown("element", d.Name, []string{"applicationDomain"}))
			continue
		}
		name, ok := d.Attr("name")
		if !ok {
			name, ok = d.Attr("domain")
		}
		if !ok || name == "" {
			r.report.Bad(d.At, "an <applicationDomain> needs a name")
			continue
		}
		if _, ok := d.Attr("agent"); ok {
			r.report.Unused(d.At, "agent", "the membership protocol admits members")
		}
		if _, ok := d.Attr("port"); ok {
			r.report.Unused(d.At, "port of applicationDomain", "one member port serves all domains")
		}
		if !slices.ContainsFunc(c.Managed, func(o Value) bool { return o.Text == name }) { // once for each of its sub-domains
			c.Managed = append(c.Managed, Value{d.At, name})
		}
	}
}
