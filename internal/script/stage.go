package script

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/machine"
	"github.com/gotribes/tribes/internal/world"
)

// ownDomain is the domain of a node that names none.
const ownDomain = "d"

// A stage is the world of one transcript and what it has printed.
type stage struct {
	w       *world.World
	opt     world.Options
	nodes   map[string]*node
	lines   []line
	unmet   []string // what a want did not find, since the last block
	tracing bool
	changed time.Duration // when a view changed last
	told    map[*world.Proc]map[string]bool
	seen    map[*world.Proc]int // reports of a process that have been taken
}

// A node is what a transcript says of a host.
type node struct {
	host *world.Host
	cfg  machine.Config
}

// A line is one line of output. A report is known by its process and number
// only: the world traces it before it keeps it.
type line struct {
	text   string
	at     time.Duration
	proc   *world.Proc
	report int
}

func newStage() *stage {
	s := &stage{nodes: map[string]*node{}, told: map[*world.Proc]map[string]bool{}, seen: map[*world.Proc]int{}}
	s.opt = world.Options{Seed: 1, Trace: s.traced}
	return s
}

// world makes the world at the first command that needs it, so that seed and
// delay may come before.
func (s *stage) world() *world.World {
	if s.w == nil {
		s.w = world.New(s.opt)
	}
	return s.w
}

func (s *stage) findings() []string { return s.world().Findings() }

// play performs the commands of one block and returns what they print.
func (s *stage) play(commands []string) (string, error) {
	s.lines, s.unmet = nil, nil
	for _, c := range commands {
		if err := s.command(c); err != nil {
			return "", fmt.Errorf("%q: %w", c, err)
		}
	}
	var out strings.Builder
	for _, l := range s.lines {
		if text := s.render(l); text != "" {
			out.WriteString(text + "\n")
		}
	}
	return out.String(), nil
}

func (s *stage) print(format string, args ...any) {
	s.lines = append(s.lines, line{text: fmt.Sprintf(format, args...)})
}

func stamp(at time.Duration, node, text string) string {
	return fmt.Sprintf("%9.2fs  %s  %s", at.Seconds(), node, text)
}

// short takes the port off the addresses in a text.
func short(text string) string { return strings.ReplaceAll(text, ":1", "") }

// traced takes in a line of the world's trace: "time host domain view n:
// event", "time host reports kind …", or something else.
func (s *stage) traced(text string) {
	f := strings.Fields(text)
	switch {
	case len(f) > 5 && f[3] == "view":
		label := short(f[1])
		if f[2] != ownDomain {
			label += "/" + f[2]
		}
		s.changed = s.w.Now()
		s.print("%s", stamp(s.w.Now(), label, strings.Join(f[5:], " ")))
		s.lines[len(s.lines)-1].text = short(s.lines[len(s.lines)-1].text)
	case len(f) > 3 && f[2] == "reports":
		p := s.w.Host(f[1]).Proc()
		s.lines = append(s.lines, line{at: s.w.Now(), proc: p, report: s.seen[p]})
		s.seen[p]++
	case s.tracing && len(f) > 4 && f[2] == "->":
		s.print("%s", stamp(s.w.Now(), short(f[1]), "says to "+short(f[3])+": "+strings.Join(f[4:], " ")))
	}
}

// render returns a line's text, or nothing for a report that says what an
// earlier one has said.
func (s *stage) render(l line) string {
	if l.proc == nil {
		return l.text
	}
	if l.report >= len(l.proc.Reports) {
		return ""
	}
	text := reportText(&l.proc.Reports[l.report])
	if s.told[l.proc] == nil {
		s.told[l.proc] = map[string]bool{}
	}
	if s.told[l.proc][text] {
		return ""
	}
	s.told[l.proc][text] = true
	return stamp(l.at, short(l.proc.Host().Address()), text)
}

var reportWords = map[machine.ReportKind]string{
	machine.Joined: "joined", machine.Refused: "refused", machine.NotReached: "not reached", machine.ReplacedSelf: "replaced itself",
	machine.GroupAdded: "follows", machine.GroupDropped: "no longer follows", machine.Returned: "returned",
	machine.BadMessage: "bad message", machine.NameConflict: "name conflict", machine.Confirmed: "confirmed", machine.Admitted: "admitted",
}

// reportText tells a report in words, marked with an asterisk to set it apart
// from the events of a view.
func reportText(r *machine.Report) string {
	words := []string{"*", reportWords[r.Kind]}
	if r.Address != "" {
		words = append(words, "by", r.Address)
		if r.Kind == machine.NotReached || r.Kind == machine.Admitted || r.Kind == machine.NameConflict {
			words = append(words[:2], r.Address)
		}
	}
	if r.Domain != "" && (r.Domain != ownDomain || r.Kind == machine.Joined) {
		words = append(words, "domain", r.Domain)
	}
	if r.Code != 0 {
		words = append(words, "("+r.Code.String()+")")
	}
	if r.Incarnation != 0 {
		words = append(words, fmt.Sprintf("incarnation %d", r.Incarnation))
	}
	if r.Version != 0 {
		words = append(words, fmt.Sprintf("version %d", r.Version))
	}
	if r.Text != "" {
		words = append(words, "-", r.Text)
	}
	return short(strings.Join(words, " "))
}

// names returns the names of all nodes, sorted.
func (s *stage) names() []string {
	out := make([]string, 0, len(s.nodes))
	for n := range s.nodes {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}
