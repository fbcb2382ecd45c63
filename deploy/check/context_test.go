package check

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// ignoredBy tells what .dockerignore keeps out of an image's context, by the
// rules of the engine's own module.
func ignoredBy(t *testing.T) func(name string) bool {
	t.Helper()
	ignore, err := os.Open(filepath.Join(root, ".dockerignore"))
	require.NoError(t, err)
	defer ignore.Close()
	patterns, err := ignorefile.ReadAll(ignore)
	require.NoError(t, err)
	m, err := patternmatcher.New(patterns)
	require.NoError(t, err)
	return func(name string) bool {
		out, err := m.MatchesOrParentMatches(filepath.FromSlash(name))
		require.NoError(t, err)
		return out
	}
}

// buildContext are the files that `docker build .` hands to the Dockerfile.
func buildContext(t *testing.T) map[string]bool {
	t.Helper()
	kept, ignored := map[string]bool{}, ignoredBy(t)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err == nil && !ignored(name) {
			kept[filepath.ToSlash(name)] = true
		}
		return err
	}))
	return kept
}

func TestTheImageIsBuiltFromWhatItNeeds(t *testing.T) {
	docker, err := os.ReadFile(filepath.Join(root, "deploy/container/Dockerfile"))
	require.NoError(t, err)
	require.Contains(t, string(docker), "\nCOPY . .\n", "the whole context is copied")
	line := regexp.MustCompile(`(?m)^RUN (.*) go build .* -o /out/ (.*)$`).FindStringSubmatch(strings.ReplaceAll(string(docker), "\r", ""))
	require.NotNil(t, line)

	kept, dir := buildContext(t), t.TempDir()
	for name := range kept {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		to := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	// Lists every package that the programs are made of, with what is embedded;
	// one that is missing is an error, as it would be in the image.
	list := exec.Command("go", append([]string{"list", "-deps", "-f", "{{.Dir}}"}, strings.Fields(line[2])...)...)
	list.Dir = dir
	list.Env = append(os.Environ(), line[1], "GOFLAGS=", "GOWORK=")
	out, err := list.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), filepath.Join("examples", "internal", "admin"))
	before, err := os.ReadFile(filepath.Join(root, "go.work.sum"))
	require.NoError(t, err)
	after, err := os.ReadFile(filepath.Join(dir, "go.work.sum"))
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "all sums are there")

	for name := range kept {
		for _, not := range []string{".git", ".ci/", "docs/", "deploy/container", "internal/bench/m", "_test.go", "testdata/", ".key"} {
			require.NotContains(t, name, not)
		}
	}
	ignored := ignoredBy(t)
	for _, key := range []string{"deploy/container/cluster.key", "cluster.key", "examples/elb/cluster.key"} {
		require.True(t, ignored(key), "whoever follows compose.yaml has a key beside it: %s", key)
	}
}
