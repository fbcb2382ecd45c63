package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	list := flag.Bool("list", false, "name the cases and their rules")
	name := flag.String("case", "", "the case to run, or all")
	sizes := flag.String("n", "9", "members, or a range A-B for -swarm")
	seed := flag.Uint64("seed", 1, "the seed")
	seeds := flag.String("seeds", "", "a range of seeds A-B")
	isSwarm := flag.Bool("swarm", false, "draw random schedules")
	verbose := flag.Bool("v", false, "print the transcript")
	flag.Parse()
	from, to := span(*seeds, *seed)
	low, high := span(*sizes, 9)
	switch {
	case *list:
		for _, c := range cases {
			fmt.Printf("%-20s n %d to %d: %s\n", c.name, c.sizes[0], c.sizes[1], c.rule)
		}
	case *isSwarm:
		os.Exit(runSwarm(from, to, int(low), int(high), tracer(*verbose)))
	case *name != "":
		os.Exit(runCases(*name, int(low), from, to, tracer(*verbose)))
	default:
		flag.Usage()
		os.Exit(2)
	}
}

func tracer(on bool) func(string) {
	if !on {
		return nil
	}
	return func(line string) { fmt.Println(line) }
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

func runCases(name string, n int, from, to uint64, trace func(string)) int {
	code, found := 0, false
	for _, c := range cases {
		if name != "all" && name != c.name {
			continue
		}
		found = true
		if n < c.sizes[0] || n > c.sizes[1] {
			fmt.Printf("%-20s n=%d: not claimed\n", c.name, n)
			continue
		}
		start := time.Now()
		bad := 0
		for seed := from; seed <= to; seed++ {
			if found := runCase(c, n, seed, trace); len(found) > 0 {
				bad++
				code = 1
				report(found, fmt.Sprintf("go run ./internal/sim -case %s -n %d -seed %d", c.name, n, seed))
			}
		}
		fmt.Printf("%-20s n=%d seeds %d-%d: %d broken (%.1fs)\n", c.name, n, from, to, bad, time.Since(start).Seconds())
	}
	if !found {
		fmt.Fprintf(os.Stderr, "sim: no case %q; -list names them\n", name)
		return 2
	}
	return code
}

func runCase(c testCase, n int, seed uint64, trace func(string)) []string {
	s := newScene(n, seed, trace)
	c.run(s)
	return s.findings()
}

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
