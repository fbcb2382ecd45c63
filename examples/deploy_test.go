package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The files of deploy are text for other programs. What can be held against this
// tree is: that each flag in them is one of its programs, and that what is
// published, dialled and probed are ports that something listens on.
func deployFiles(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"systemd/*", "container/*", "kubernetes/*"} {
		files, err := filepath.Glob(filepath.Join("..", "deploy", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, f := range files {
			b, err := os.ReadFile(f)
			require.NoError(t, err)
			out[filepath.Base(f)] = string(b)
		}
	}
	return out
}

// flagsOf are those that a program's -h names.
func flagsOf(t *testing.T, program string) map[string]bool {
	t.Helper()
	out, err := exec.Command("go", "run", "./"+program, "-h").Output()
	require.NoError(t, err)
	flags := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z0-9-]+)`).FindAllStringSubmatch(string(out), -1) {
		flags[m[1]] = true
	}
	require.NotEmpty(t, flags, program)
	return flags
}

// Flags as they stand in a list of YAML, and in a line of systemd.
var (
	quotedFlag = regexp.MustCompile(`"-([a-z-]+)"`)
	bareFlag   = regexp.MustCompile(` -([a-z-]+) \$`)
	startOf    = regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/(elb|node) .*$`)
	port       = regexp.MustCompile(`name: ([a-z]+), containerPort: (\d+)`)
)

func TestFlagsInDeployAreThoseOfThePrograms(t *testing.T) {
	files := deployFiles(t)
	known := map[string]map[string]bool{"elb": flagsOf(t, "elb"), "node": flagsOf(t, "node")}
	check := func(file, program string, flags [][]string) {
		require.GreaterOrEqual(t, len(flags), 6, "%s of %s", program, file)
		for _, f := range flags {
			require.True(t, known[program][f[1]], "%s: %s has no flag -%s", file, program, f[1])
		}
	}
	for _, p := range []string{"elb", "node"} {
		name := "tribes-" + p + ".service"
		start := startOf.FindStringSubmatch(files[name])
		require.NotNil(t, start, name)
		require.Equal(t, p, start[1])
		check(name, p, bareFlag.FindAllStringSubmatch(start[0], -1))
		for _, v := range regexp.MustCompile(`\$\{([A-Z]+)\}`).FindAllStringSubmatch(start[0], -1) {
			require.Contains(t, "\n"+files[p+".env"], "\n"+v[1]+"=", "%s sets what %s uses", p+".env", name)
		}
	}
	// Below each program's name follow its flags, until the next one's.
	for _, name := range []string{"compose.yaml", "tribes.yaml"} {
		parts := regexp.MustCompile(`(?m)^ *(- name: |)(elb|node(?:-\d)?)(:|)$`).FindAllStringSubmatchIndex(files[name], -1)
		require.GreaterOrEqual(t, len(parts), 2, name)
		for i, at := range parts {
			end := len(files[name])
			if i+1 < len(parts) {
				end = parts[i+1][0]
			}
			program, _, _ := strings.Cut(files[name][at[4]:at[5]], "-")
			check(name, program, quotedFlag.FindAllStringSubmatch(files[name][at[0]:end], -1))
		}
	}
}

func TestPortsInDeployAgree(t *testing.T) {
	text := deployFiles(t)["tribes.yaml"]
	ports := port.FindAllStringSubmatch(text, -1)
	require.Len(t, ports, 6, "three of each program")
	names := map[string]bool{}
	for _, p := range ports {
		names[p[1]] = true
		require.Contains(t, text, `":`+p[2]+`"`, "something listens on %s", p[1])
	}
	for _, m := range regexp.MustCompile(`(?:targetPort|path: /[a-z]+, port|\[\{port): ([a-z]+)`).FindAllStringSubmatch(text, -1) {
		require.True(t, names[m[1]], "%s is the name of a port", m[1])
	}
	require.NotContains(t, text, "preStop:", "a node serves until every balancer has confirmed")
}

func TestTheImageHoldsTheProgramsAndNothingElse(t *testing.T) {
	files := deployFiles(t)
	docker := files["Dockerfile"]
	_, last, ok := strings.Cut(docker, "\nFROM scratch\n")
	require.True(t, ok)
	require.Contains(t, docker, "CGO_ENABLED=0", "nothing in the image could load a library")
	require.Contains(t, last, "USER 65534:65534")
	for _, p := range []string{"elb", "node"} {
		require.Contains(t, docker, "./examples/"+p)
		require.Contains(t, last, "COPY --from=build /out/"+p+" /"+p)
	}
}
