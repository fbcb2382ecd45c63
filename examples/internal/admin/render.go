package admin

import (
	"embed"
	"errors"
	"html/template"
	"strings"
)

//go:embed static
var static embed.FS

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"rate": rate, "count": count, "took": took, "ago": ago, "clock": clock, "glyph": glyph, "event": eventWords,
}).ParseFS(templateFiles, "templates/*.html"))

// mostRendered bounds what is kept of one snapshot.
const mostRendered = 256

// A Part is a piece of the page that is replaced as a whole.
type Part struct {
	Key  string
	HTML template.HTML // made by templates, which escape what comes from the network
}

// A rendering is what one query shows of a snapshot.
type rendering struct {
	parts []Part
	main  string // the template that puts the parts together
	title string
}

// errUnknown: a query is about something that is not there.
var errUnknown = errors.New("this domain or member is not known")

// render makes what a query shows, once for all who want to see the same.
func (s *Site) render(shot *snapshot, q query) (*rendering, error) {
	shot.mu.Lock()
	defer shot.mu.Unlock()
	if r := shot.rendered[q]; r != nil {
		return r, nil
	}
	r := &rendering{}
	var err error
	if q.one() {
		err = s.renderMember(r, shot, q)
	} else {
		err = s.renderDomains(r, shot, q)
	}
	if err == nil && len(shot.rendered) < mostRendered {
		shot.rendered[q] = r
	}
	return r, err
}

// add makes a part with the template of that name.
func (r *rendering) add(key, name string, data any) error {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	r.parts = append(r.parts, Part{key, template.HTML(b.String())})
	return nil
}

// whole puts all parts together.
func (r *rendering) whole() string {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, r.main, r); err != nil {
		return "" // strings alone; it cannot fail
	}
	return b.String()
}

// Main is whole, for the page around it.
func (r *rendering) Main() template.HTML { return template.HTML(r.whole()) }

// Title is that of the page.
func (r *rendering) Title() string { return r.title }

// Part is the one with a key.
func (r *rendering) Part(key string) Part {
	for _, p := range r.parts {
		if p.Key == key {
			return p
		}
	}
	return Part{Key: key}
}

// Triples are the parts of domains: head, table and picture of each.
func (r *rendering) Triples() [][]Part {
	var out [][]Part
	for i, p := range r.parts {
		if strings.HasSuffix(p.Key, "-head") {
			out = append(out, r.parts[i:i+3])
		}
	}
	return out
}
