package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/bench/report"
)

// header says where the figures come from.
func header(begun time.Time, before string, seed uint64) report.Header {
	return report.Header{
		Command:    "go run . " + strings.Join(telling(os.Args[1:]), " "),
		Commit:     commit(),
		Memberlist: memberlistVersion(),
		Go:         fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Machine:    machine(),
		Begun:      begun.UTC().Format("2006-01-02 15:04 UTC"),
		Took:       time.Since(begun).Round(time.Second).String(),
		Load:       before + "; " + load(),
		Seed:       seed,
	}
}

// telling leaves out of a command where it writes its JSON, which changes nothing else.
func telling(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(strings.TrimPrefix(args[i], "-"), "=")
		if name = strings.TrimPrefix(name, "-"); name != "json" {
			out = append(out, args[i])
		} else if !joined {
			i++ // its value
		}
	}
	return out
}

func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	text := strings.TrimSpace(string(out))
	// The page and the picture that a run before has written do not count.
	changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":!/docs/compare.md",
		":!/docs/frontier.svg").Output()
	if err == nil && len(changed) > 0 {
		text += " with changes"
	}
	return text
}

func memberlistVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/hashicorp/memberlist" {
				return m.Version
			}
		}
	}
	return "unknown"
}

// machine tells processors and system, as far as the system says.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	system := runtime.GOOS
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		system += " " + strings.TrimSpace(string(text))
	}
	return fmt.Sprintf("%d processors, %s, %s", runtime.NumCPU(), model, system)
}

// load is the system's load average over one minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
