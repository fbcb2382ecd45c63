// Package carbon reads what concerns a cluster in carbon.xml: by how much the
// ports of the program are shifted, and the name of the host that clients know.
package carbon

import (
	"strconv"

	"github.com/gotribes/tribes/examples/internal/conf"
	"github.com/gotribes/tribes/examples/internal/xmltree"
)

// mostOffset bounds the shift; what it does to a port is checked there.
const mostOffset = 60_000

// A File is what a carbon.xml says.
type File struct {
	Offset   int        // added to the ports of HTTP and HTTPS; 0 where the file does not say
	OffsetAt conf.Place // a Line of 0 where the file does not say
	HostName string     // "" where the file does not say
	HostAt   conf.Place
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
	var report conf.Report
	out := &File{OffsetAt: conf.Place{File: file}, HostAt: conf.Place{File: file}}
	if root.Name != "Server" {
		report.Bad(root.At, "the file begins with <%s>, not with <Server>; is it a carbon.xml?", root.Name)
		return nil, report.Err()
	}
	value := func(e *xmltree.Element) string {
		text, err := conf.Expand(e.Text, lookup)
		if err != nil {
			report.Bad(e.At, "%s: %v", e.Name, err)
		}
		return text
	}
	if e := root.Child("HostName"); e != nil {
		out.HostName, out.HostAt = value(e), e.At
	}
	if ports := root.Child("Ports"); ports != nil && ports.Child("Offset") != nil {
		e := ports.Child("Offset")
		text := value(e)
		out.Offset, err = strconv.Atoi(text)
		if err != nil || out.Offset < 0 || out.Offset > mostOffset {
			report.Bad(e.At, "Offset %q: want a whole number from 0 to %d", text, mostOffset)
		}
		out.OffsetAt = e.At
	}
	if err := report.Err(); err != nil {
		return nil, err
	}
	return out, nil
}
