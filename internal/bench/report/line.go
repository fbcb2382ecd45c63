package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gotribes/tribes/internal/bench/rows"
	"github.com/gotribes/tribes/internal/bench/subject"
)

// A Line is one figure of a row at one size, for each subject.
type Line struct {
	Measure string             `json:"measure"`
	Unit    string             `json:"unit"`
	Cells   map[string]Summary `json:"cells"` // by subject
}

// A Part is a row at one size.
type Part struct {
	Size  int      `json:"size"`
	Lines []Line   `json:"lines,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Refused is why nothing is reported: then there are no lines.
	Refused string `json:"refused,omitempty"`
}

// A Row is a row of the table with what came of it.
type Row struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Method   string   `json:"method"`
	Subjects []string `json:"subjects"`
	Skipped  string   `json:"skipped,omitempty"` // why it was not run at all
	Parts    []Part   `json:"parts,omitempty"`
}

// Build summarizes the results of a row.
func Build(r rows.Row, results []rows.Result) Row {
	out := Row{ID: r.ID, Title: r.Title, Method: r.Method, Subjects: r.Subjects}
	for _, size := range r.Sizes {
		var of []rows.Result
		for _, x := range results {
			if x.Job.Size == size {
				of = append(of, x)
			}
		}
		out.Parts = append(out.Parts, part(size, r.At(size), of))
	}
	return out
}

// part summarizes one size, or refuses to. Figures of one library without the other's are no comparison, so there are
// none unless at least one run of each came to its end. A subject of which no run did has no figures, and a note.
func part(size int, subjects []string, results []rows.Result) Part {
	p := Part{Size: size}
	ran := map[string]bool{} // libraries
	var failures []string
	for _, name := range subjects {
		done, failed, why := 0, 0, ""
		for _, r := range results {
			switch {
			case r.Job.Subject != name:
			case r.Error != "":
				failed, why = failed+1, r.Error
			default:
				done++
			}
		}
		library, _ := subject.Split(name)
		ran[library] = ran[library] || done > 0
		switch {
		case failed > 0:
			failures = append(failures, fmt.Sprintf("%s: %d of %d runs failed: %s", name, failed, failed+done, oneLine(why)))
		case done == 0:
			failures = append(failures, name+": did not run")
		}
	}
	for _, name := range subjects {
		if library, _ := subject.Split(name); !ran[library] {
			p.Refused = fmt.Sprintf("no run of %s came to its end, so there is nothing to compare (%s)", library,
				strings.Join(failures, "; "))
			return p
		}
	}
	p.Notes = failures
	p.Lines = lines(results)
	var wide []string
	for _, l := range p.Lines {
		for _, name := range subjects {
			if l.Cells[name].Wide(l.Unit) {
				wide = append(wide, fmt.Sprintf("%s of %s", l.Measure, name))
			}
		}
	}
	if len(wide) > 0 {
		p.Notes = append(p.Notes, "too wide a range to trust the median: "+strings.Join(wide, "; "))
	}
	return p
}

// lines gathers the samples of runs that came to their end, in the order in which measures first appear.
func lines(results []rows.Result) []Line {
	var out []Line
	samples := map[string]map[string][]float64{}
	for _, r := range results {
		if r.Error != "" {
			continue
		}
		for _, s := range r.Samples {
			if samples[s.Measure] == nil {
				samples[s.Measure] = map[string][]float64{}
				out = append(out, Line{Measure: s.Measure, Unit: s.Unit, Cells: map[string]Summary{}})
			}
			samples[s.Measure][r.Job.Subject] = append(samples[s.Measure][r.Job.Subject], s.Value)
		}
	}
	for _, l := range out {
		for name, values := range samples[l.Measure] {
			l.Cells[name] = Summarize(values)
		}
	}
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Find returns a cell, and whether it is there.
func (r Row) Find(size int, measure, name string) (Summary, bool) {
	for _, p := range r.Parts {
		i := slices.IndexFunc(p.Lines, func(l Line) bool { return l.Measure == measure })
		if p.Size == size && i >= 0 {
			s, ok := p.Lines[i].Cells[name]
			return s, ok
		}
	}
	return Summary{}, false
}
