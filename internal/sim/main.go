package main

import (
	"bufio"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// options are what the command line says of each run.
type options struct {
	span       time.Duration // of a case's main part; 0: the case's own
	verbose    bool
	hash       bool
	transcript string // file
	steps      string // of a swarm's schedule; "": all
	shrink     bool
}

func main() {
	var o options
	list := flag.Bool("list", false, "name the cases and their rules")
	name := flag.String("case", "", "the case to run, or all")
	sizes := flag.String("n", "9", "members, or a range A-B for -swarm and -table")
	seed := flag.Uint64("seed", 1, "the seed")
	seeds := flag.String("seeds", "", "a range of seeds A-B")
	isSwarm := flag.Bool("swarm", false, "draw random schedules of faults")
	table := flag.String("table", "", "run the whole table, short or full, and print it as Markdown")
	out := flag.String("out", "", "write the table to this file, anew after each row")
	flag.DurationVar(&o.span, "for", 0, "virtual time of a case's main part, or of watching after its faults, instead of the case's own")
	flag.BoolVar(&o.verbose, "v", false, "print the transcript")
	flag.BoolVar(&o.hash, "hash", false, "print a sum of the transcript")
	flag.StringVar(&o.transcript, "transcript", "", "write the transcript to this file")
	flag.StringVar(&o.steps, "steps", "", "only these steps of a swarm's schedule, as 1,4,7")
	flag.BoolVar(&o.shrink, "shrink", false, "cut a swarm's failing schedule down to the steps that it needs")
	profile := flag.String("cpuprofile", "", "write a profile of the processor's time to this file")
	flag.Parse()
	debug.SetGCPercent(300) // a world lives as long as its run,
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(5500 << 20) // and one of five thousand has to fit
	}
	from, to := span(*seeds, *seed)
	low, high := span(*sizes, 9)
	defer profiled(*profile)()
	code := 0
	switch {
	case *list:
		for _, c := range cases {
			fmt.Printf("%-18s n %d to %d: %s\n", c.name, c.sizes[0], c.sizes[1], c.rule)
		}
	case *table != "":
		if !given("n") {
			low, high = 0, 0 // all sizes
		}
		code = runTable(*table, *out, int(low), int(high))
	case *isSwarm:
		code = runSwarm(from, to, int(low), int(high), o)
	case *name != "":
		code = runCases(*name, int(low), from, to, o)
	default:
		flag.Usage()
		code = 2
	}
	if code != 0 {
		os.Exit(code)
	}
}

// given says that a flag was on the command line.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func profiled(file string) (stop func()) {
	if file == "" {
		return func() {}
	}
	f, err := os.Create(file)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sim: -cpuprofile: %v\n", err)
		os.Exit(2)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}

// tracer is where a run's transcript goes: to the screen, to a file, into a
// sum, or nowhere.
func (o options) tracer() (trace func(line string), end func()) {
	if !o.verbose && !o.hash && o.transcript == "" {
		return nil, func() {}
	}
	sum := fnv.New64a()
	var file *os.File
	var out *bufio.Writer
	if o.transcript != "" {
		f, err := os.Create(o.transcript)
		if err != nil {
			fmt.Fprintf(os.Stderr, "sim: -transcript: %v\n", err)
			os.Exit(2)
		}
		file, out = f, bufio.NewWriter(f)
	}
	trace = func(line string) {
		_, _ = sum.Write([]byte(line + "\n"))
		if o.verbose {
			fmt.Println(line)
		}
		if out != nil {
			_, _ = out.WriteString(line + "\n")
		}
	}
	return trace, func() {
		if o.hash {
			fmt.Printf("  transcript %016x\n", sum.Sum64())
		}
		if out != nil {
			if err := out.Flush(); err != nil {
				fmt.Fprintf(os.Stderr, "sim: -transcript: %v\n", err)
			}
			_ = file.Close()
		}
	}
}

// span reads "A-B", or "A" for A-A; an empty text gives the default.
func span(s string, def uint64) (from, to uint64) {
	if s == "" {
		return def, def
	}
	a, b, found := strings.Cut(s, "-")
	from, err := strconv.ParseUint(a, 0, 64)
	if err == nil && found {
		to, err = strconv.ParseUint(b, 0, 64)
	} else {
		to = from
	}
	if err != nil || to < from {
		fmt.Fprintf(os.Stderr, "sim: %q is not a number or a range A-B\n", s)
		os.Exit(2)
	}
	return from, to
}

func runCases(name string, n int, from, to uint64, o options) int {
	code, known := 0, false
	for _, c := range cases {
		if name != "all" && name != c.name {
			continue
		}
		known = true
		if !c.claimedFor(n) {
			fmt.Printf("%-18s n=%d: not claimed\n", c.name, n)
			continue
		}
		broken := 0
		var s *scene
		for seed := from; seed <= to; seed++ {
			trace, end := o.tracer()
			replay := fmt.Sprintf("go run ./internal/sim -case %s -n %d -seed %d%s", c.name, n, seed, forFlag(o.span))
			_, found := replayable(replay, func() (time.Duration, []string) {
				s = runCase(c, n, seed, o.span, trace)
				return 0, s.findings()
			})
			end()
			if len(found) > 0 {
				broken++
				code = 1
				report(found, replay)
			}
			if from == to || len(found) > 0 {
				fmt.Println("  " + s.summary().String())
			}
		}
		if s != nil && o.span > 0 && !s.timed {
			fmt.Println("  -for changes nothing here: this case ends when its rule is met or broken")
		}
		fmt.Printf("%-18s n=%d seeds %d-%d: %d broken\n", c.name, n, from, to, broken)
	}
	if !known {
		fmt.Fprintf(os.Stderr, "sim: no case %q; -list names them\n", name)
		return 2
	}
	return code
}

func forFlag(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " -for " + d.String()
}

// report prints what was found and the line that replays it.
func report(found []string, replay string) {
	for i, f := range found {
		if i == 8 {
			fmt.Printf("  … %d more\n", len(found)-i)
			break
		}
		fmt.Println("  " + f)
	}
	fmt.Println("  replay: " + replay)
}
