package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func view(members ...membership.Member) membership.View {
	for i := range members {
		members[i].ID, members[i].Domain = membership.ID{byte(i + 1)}, "d"
	}
	return membership.MakeView("d", 1, members)
}

func at(address string, s membership.State, properties map[string]string) membership.Member {
	return membership.Member{Address: address, State: s}.WithProperties(properties)
}

var some = view(
	at("10.0.0.1:4000", membership.Alive, map[string]string{"httpPort": "80"}),
	at("10.0.0.2:4000", membership.Suspect, map[string]string{"httpPort": "81"}),
	at("10.0.0.3:4000", membership.Draining, map[string]string{"httpPort": "82"}),
	at("10.0.0.4:4000", membership.Leaving, map[string]string{"httpPort": "83"}),
	at("10.0.0.5:4000", membership.Alive, nil),
)

// hookOf makes a hook with a template of the folder, or a text.
func hookOf(t *testing.T, template, command string) *hook {
	t.Helper()
	dir := t.TempDir()
	if strings.Contains(template, "{{") {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "t.tmpl"), []byte(template), 0o600))
		template = filepath.Join(dir, "t.tmpl")
	}
	s := &settings{template: template, out: filepath.Join(dir, "out"), exec: command, timeout: 10 * time.Second}
	h, err := newHook(s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return h
}

func TestTemplatesOfTheFolder(t *testing.T) {
	for template, want := range map[string]string{
		"nginx.tmpl": `# Written by filehook: the members of d.
upstream tribes {
	server 127.0.0.1:1 down; # never used; without any server nginx refuses the file
	server 10.0.0.1:80;
	server 10.0.0.2:81;
}
`,
		"haproxy.tmpl": `# Written by filehook: the members of d.
backend tribes
	balance roundrobin
	option redispatch
	server 01000000000000000000000000000000 10.0.0.1:80 check
	server 02000000000000000000000000000000 10.0.0.2:81 check
	server 03000000000000000000000000000000 10.0.0.3:82 check weight 0
`,
	} {
		got, err := render(hookOf(t, template, "true").template, some)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestCommandRunsOnlyWhenTheFileChanges(t *testing.T) {
	h := hookOf(t, "{{range .Members}}{{.Address}}\n{{end}}", "true")
	for _, c := range []struct {
		v        membership.View
		reloaded bool
	}{
		{some, true}, {some, false},
		{view(at("10.0.0.1:4000", membership.Alive, nil)), true},
		{view(at("10.0.0.1:4000", membership.Suspect, nil)), false}, // the template does not show it
		{view(), true}, {view(), false},
	} {
		reloaded, err := h.apply(t.Context(), c.v)
		require.NoError(t, err)
		require.Equal(t, c.reloaded, reloaded)
	}
}

func TestFailedCommandIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	h := hookOf(t, "{{range .Members}}{{.Address}}\n{{end}}", "ls "+filepath.Join(dir, "there"))
	_, err := h.apply(t.Context(), some)
	require.ErrorContains(t, err, "there", "the error has what the command said")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "there"), nil, 0o600))
	reloaded, err := h.apply(t.Context(), some)
	require.NoError(t, err)
	require.True(t, reloaded, "the file is the same, but the command has not run for it")

	h.command, h.timeout, h.ran = []string{"sleep", "60"}, 10*time.Millisecond, false
	_, err = h.apply(t.Context(), some)
	require.ErrorContains(t, err, "killed")
	h.command = []string{filepath.Join(dir, "no such program")}
	_, err = h.apply(t.Context(), some)
	require.Error(t, err)
}

func TestFileIsReplacedInOneStep(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	require.NoError(t, replace(name, []byte("one")))
	require.NoError(t, os.Chmod(name, 0o640))
	old, err := os.Open(name)
	require.NoError(t, err)
	defer old.Close()
	require.NoError(t, replace(name, []byte("another")))
	b, err := io.ReadAll(old)
	require.NoError(t, err)
	require.Equal(t, "one", string(b), "who reads the old one reads it to the end")
	b, err = os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "another", string(b))
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Error(t, replace(filepath.Join(name, "x"), nil), "not a folder")
}

func TestBadFlagsNameThemselves(t *testing.T) {
	good := []string{"-manage", "d", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000",
		"-template", "nginx.tmpl", "-out", "x", "-exec", "true"}
	bad := filepath.Join(t.TempDir(), "bad.tmpl")
	require.NoError(t, os.WriteFile(bad, []byte("{{.Nothing}}"), 0o600))
	for flagName, args := range map[string][]string{
		"-manage":    {},
		"-advertise": good[:2],
		"-wka":       good[:4],
		"-template":  good[:6],
		"-out":       good[:8],
		"-exec":      good[:10],
		"-timeout":   append(good[:len(good):len(good)], "-timeout", "0s"),
		"-linger":    append(good[:len(good):len(good)], "-linger", "-1s"),
		"-settle":    append(good[:len(good):len(good)], "-settle", "-1s"),
		"bad.tmpl":   append(good[:len(good):len(good)], "-template", bad),
		"none.tmpl":  append(good[:len(good):len(good)], "-template", "none.tmpl"),
	} {
		var log bytes.Buffer
		err := run(t.Context(), args, io.Discard, &log)
		require.ErrorContains(t, err, flagName)
		require.Equal(t, program.ExitUsage, program.Status("filehook", err, io.Discard))
	}
}
