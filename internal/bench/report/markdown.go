package report

import (
	"errors"
	"fmt"
	"strings"
)

// Header says where the figures come from.
type Header struct {
	Command    string `json:"command"`
	Commit     string `json:"commit"`
	Memberlist string `json:"memberlist"`
	Go         string `json:"go"`
	Machine    string `json:"machine"`
	Begun      string `json:"begun"`
	Took       string `json:"took"`
	Load       string `json:"load"` // at the begin and the end
	Seed       uint64 `json:"seed"`
}

// A Report is one run of the table.
type Report struct {
	Header  Header   `json:"header"`
	Rows    []Row    `json:"rows"`
	Targets []Target `json:"targets,omitempty"`
}

// mark stands at a figure whose range is too wide to trust.
const mark = " †"

// Markdown writes the report.
func (r Report) Markdown() string {
	var b strings.Builder
	h := r.Header
	fmt.Fprintf(&b, "| | |\n|---|---|\n| command | `%s` |\n| commit | %s |\n| memberlist | %s |\n| Go | %s |\n"+
		"| machine | %s |\n", h.Command,
		h.Commit, h.Memberlist, h.Go, h.Machine)
	fmt.Fprintf(&b, "| begun, took | %s, %s |\n| load average before and after | %s |\n| seed | %d |\n\n", h.Begun, h.Took, h.Load, h.Seed)
	fmt.Fprintf(&b, "A figure is the median, with the range in brackets where samples differ. A dagger (†) says that the "+
		"range is too wide to trust the median: its ends differ from it by more than a factor of %d, and from each "+
		"other by more than the scheduler's grain.\n", wideFactor)
	for _, row := range r.Rows {
		row.markdown(&b)
	}
	if len(r.Targets) > 0 {
		b.WriteString("\n### Targets\n\n| row | target | found | |\n|---|---|---|---|\n")
		for _, t := range r.Targets {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.Row, t.Text, t.Found, t.verdict())
		}
	}
	return b.String()
}

func (r Row) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s. %s\n\n%s\n\n", r.ID, r.Title, r.Method)
	if r.Skipped != "" {
		fmt.Fprintf(b, "Not run: %s.\n", r.Skipped)
		return
	}
	var notes []string
	head := false
	for _, p := range r.Parts {
		if p.Refused != "" {
			notes = append(notes, fmt.Sprintf("N=%d is not reported: %s.", p.Size, p.Refused))
			continue
		}
		if !head {
			head = true
			fmt.Fprintf(b, "| N | | %s |\n|---|---|%s\n", strings.Join(r.Subjects, " | "), strings.Repeat("---|", len(r.Subjects)))
		}
		for _, l := range p.Lines {
			fmt.Fprintf(b, "| %d | %s |", p.Size, l.Measure)
			for _, name := range r.Subjects {
				cell := l.Cells[name]
				fmt.Fprintf(b, " %s", cell.Text(l.Unit))
				if cell.Wide(l.Unit) {
					b.WriteString(mark)
				}
				b.WriteString(" |")
			}
			b.WriteString("\n")
		}
		for _, n := range p.Notes {
			notes = append(notes, fmt.Sprintf("N=%d: %s.", p.Size, n))
		}
	}
	if head && len(notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range notes {
		fmt.Fprintf(b, "- %s\n", n)
	}
}

// Begin and End are the lines of a page between which a run's report stands.
const (
	Begin = "<!-- begin of what `go run . table -md` writes -->"
	End   = "<!-- end of what `go run . table -md` writes -->"
)

// Replace puts a report between the marks of a page and leaves the rest alone. A page that is empty gets the marks.
func Replace(page, report string) (string, error) {
	block := Begin + "\n\n" + strings.TrimSpace(report) + "\n\n" + End
	if strings.TrimSpace(page) == "" {
		return block + "\n", nil
	}
	before, rest, ok := strings.Cut(page, Begin)
	_, after, end := strings.Cut(rest, End)
	if !ok || !end {
		return "", errors.New("the page has no place for the report: it takes the lines\n" + Begin + "\n" + End)
	}
	return before + block + after, nil
}
