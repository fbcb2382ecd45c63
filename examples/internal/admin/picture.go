package admin

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/gotribes/tribes/membership"
)

// Measures of the picture.
const (
	pictureWidth, pictureHeight = 560.0, 400.0
	mostLetters                 = 14 // of a label
)

// A Picture is who watches whom, ready to be drawn.
type Picture struct {
	Width, Height float64
	Dots          []Dot
	Lines         []Line
	Title         string // for those who do not see it
	Note          string // what is left out; "" is nothing
	Focus         string // whose watchers are drawn; "" is everybody's
}

// A Dot is a participant.
type Dot struct {
	X, Y, R        float64
	Class          string // its state, or "many"
	Manager        bool   // drawn as a square
	Label          string // "" is none
	LabelX, LabelY float64
	Anchor         string // of the label
	Title, Link    string
}

// Side is the width of a square.
func (d Dot) Side() float64 { return 2 * d.R }

// Left and Top are where a square begins.
func (d Dot) Left() float64 { return d.X - d.R }

// Top is the upper end of a square.
func (d Dot) Top() float64 { return d.Y - d.R }

// A Line leads from a watcher to whom it watches.
type Line struct {
	Path, Class, Title string
	Head               bool // with an arrow's head
}

// draw makes the picture of a web.
func (w *web) draw(domain string) *Picture {
	p := &Picture{Width: pictureWidth, Height: pictureHeight}
	n := len(w.members)
	ring := w.members
	per := 1 // members for each dot
	if n > mostDots {
		per = (n + mostDots - 1) / mostDots
		p.Note = fmt.Sprintf("Each dot stands for %d members and has the state of the one that is worst off.", per)
	}
	radius := 178.0
	if n <= mostLabels || w.focus != nil {
		radius = 140
	}
	at := map[membership.ID]*Dot{}
	dots := (n + per - 1) / per
	for i := range dots {
		dot := w.dot(domain, ring[i*per:min((i+1)*per, n)], n)
		angle := 2*math.Pi*float64(i)/float64(dots) - math.Pi/2
		dot.place(angle, radius)
		if p.covers(dot) {
			dot.Label = ""
		}
		for _, m := range ring[i*per : min((i+1)*per, n)] {
			at[m.ID] = dot
		}
		p.Dots = append(p.Dots, *dot)
	}
	slices.SortStableFunc(p.Dots, func(a, b Dot) int { return cmp.Compare(a.R, b.R) }) // large ones on top
	p.place(w, domain, at)
	p.connect(w, at)
	p.Title = fmt.Sprintf("Who watches whom among the %d members of domain %s", n, domain)
	return p
}

// covers tells whether the label of a dot would hide another one. Where all dots
// have labels there is room.
func (p *Picture) covers(d *Dot) bool {
	return d.Label != "" && len(p.Dots) > mostLabels && slices.ContainsFunc(p.Dots, func(o Dot) bool {
		return o.Label != "" && o.Anchor == d.Anchor && math.Abs(o.LabelY-d.LabelY) < 17
	})
}

// dot makes that of one or several members. Those that the picture is about, and
// those that are not alive, are never small.
func (w *web) dot(domain string, members []membership.Member, all int) *Dot {
	worst := members[0]
	for _, m := range members[1:] {
		if m.State != membership.Alive && (worst.State == membership.Alive || m.State == membership.Suspect) {
			worst = m
		}
	}
	focused := false
	for _, m := range members {
		if slices.Contains(w.focus, m.ID) {
			worst, focused = m, true
		}
	}
	d := &Dot{R: min(9, max(2.2, 330/float64(all))), Class: worst.State.String(), Link: link(domain, worst.ID)}
	if worst.Unreachable {
		d.Class = membership.Suspect.String()
	}
	d.Title = fmt.Sprintf("%s, %s, %s", worst.Name, worst.Address, worst.State)
	if len(members) > 1 {
		d.Title += fmt.Sprintf(", and %d more", len(members)-1)
	}
	if all <= mostLabels || focused {
		d.Label = shorten(worst.Name)
	}
	if focused {
		d.R = max(d.R, 6.5)
	} else if d.Class != membership.Alive.String() {
		d.R = max(d.R, 4.5)
	}
	return d
}

// place puts the dot on the ring, and its label outside.
func (d *Dot) place(angle, radius float64) {
	x, y := math.Cos(angle), math.Sin(angle)
	d.X, d.Y = round(pictureWidth/2+radius*x), round(pictureHeight/2+radius*y)
	out := radius + d.R + 7
	d.LabelX, d.LabelY = round(pictureWidth/2+out*x), round(pictureHeight/2+out*y+4)
	switch {
	case x > 0.2:
		d.Anchor = "start"
	case x < -0.2:
		d.Anchor = "end"
	default:
		d.Anchor = "middle"
		d.LabelY = round(d.LabelY + 5*y)
	}
}

// place puts those who are not members into the middle, side by side.
func (p *Picture) place(w *web, domain string, at map[membership.ID]*Dot) {
	const apart = 46.0
	shown := w.others[:min(len(w.others), 5)]
	first := pictureWidth/2 - apart*float64(len(shown)-1)/2
	y := pictureHeight / 2
	for i, m := range shown {
		d := &Dot{R: 8, Class: "manager", Manager: true, Link: link(domain, m.ID), X: round(first + apart*float64(i)), Y: y}
		d.Title = fmt.Sprintf("%s, %s, manager", m.Name, m.Address)
		if len(shown) <= 2 {
			d.Label, d.Anchor, d.LabelX, d.LabelY = shorten(m.Name), "middle", d.X, d.Y+22+float64(i)*13
		}
		at[m.ID] = d
		p.Dots = append(p.Dots, *d)
	}
}

// connect draws the lines. They bend towards the middle, and to one side, so that
// those of two who watch each other are two.
func (p *Picture) connect(w *web, at map[membership.ID]*Dot) {
	few := len(w.members) <= 12 || w.focus != nil
	for _, a := range w.arrows {
		from, to := at[a.from], at[a.to]
		if from == nil || to == nil || from == to {
			continue
		}
		mx, my := (from.X+to.X)/2, (from.Y+to.Y)/2
		dx, dy := to.X-from.X, to.Y-from.Y
		long := math.Hypot(dx, dy)
		cx := mx + (pictureWidth/2-mx)*0.25 - dy/long*10
		cy := my + (pictureHeight/2-my)*0.25 + dx/long*10
		// It ends at the rim of the dot and not in its middle.
		ex, ey := to.X-cx, to.Y-cy
		end := math.Hypot(ex, ey)
		gap := to.R + 2
		if few {
			gap += 3
		}
		l := Line{
			Path: fmt.Sprintf("M%.1f %.1fQ%.1f %.1f %.1f %.1f", from.X, from.Y, cx, cy, to.X-ex/end*gap, to.Y-ey/end*gap),
			Head: few,
		}
		l.Class, l.Title = stanceClass(a.stance), stanceWords(a, from, to)
		p.Lines = append(p.Lines, l)
	}
}

// stanceClass is the style of a line.
func stanceClass(s membership.Stance) string {
	switch s {
	case membership.Vouches:
		return "vouches"
	case membership.Accuses, membership.HoldsDown:
		return "accuses"
	}
	return "unheard"
}

// stanceWords tell a line.
func stanceWords(a arrow, from, to *Dot) string {
	out := fmt.Sprintf("%s watches %s: %s", from.Title, to.Title, a.stance)
	if a.cause != membership.NoCause {
		out += fmt.Sprintf(" (%s)", a.cause)
	}
	return out
}

// shorten makes a label of a name.
func shorten(name string) string {
	if utf8.RuneCountInString(name) <= mostLetters {
		return name
	}
	return string([]rune(name)[:mostLetters-1]) + "…"
}

func round(v float64) float64 { return math.Round(v*10) / 10 }
