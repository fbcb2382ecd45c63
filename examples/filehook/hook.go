package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
)

// retryFirst is how long after a failure the hook tries again; twice as long
// each time, up to retryMost.
const (
	retryFirst = 500 * time.Millisecond
	retryMost  = 30 * time.Second
	settleMost = 5 // times the settling time
)

// A hook keeps a file like a domain's view.
type hook struct {
	*settings
	template *template.Template
	command  []string
	logger   *slog.Logger
	ran      bool   // the command has run with success
	loaded   []byte // what it was last run for; may be empty
}

// newHook reads the template. What is wrong with it is a setting to change.
func newHook(s *settings, logger *slog.Logger) (*hook, error) {
	text, err := os.ReadFile(s.template)
	if err != nil {
		return nil, program.Bad("template", s.template, err.Error())
	}
	t, err := template.New(filepath.Base(s.template)).Option("missingkey=error").Parse(string(text))
	if err == nil {
		_, err = render(t, membership.MakeView(s.manage, 0, nil))
	}
	if err != nil {
		return nil, program.Bad("template", s.template, err.Error())
	}
	return &hook{settings: s, template: t, command: strings.Fields(s.exec), logger: logger}, nil
}

// follow applies each view of a group until ctx or the group ends. A change
// counts as applied once the command has run and some time has passed: so long
// a member that leaves waits. While the command runs further changes gather, and
// come as one.
func (h *hook) follow(ctx context.Context, g *membership.Group) {
	for c := range g.Changes(ctx) {
		if !h.quiet(ctx, g) {
			return
		}
		for wait := retryFirst; ; wait = min(2*wait, retryMost) {
			// The newest view and not the change's: what came while waiting belongs to it.
			reloaded, err := h.apply(ctx, g.View())
			if err == nil {
				if reloaded {
					time.AfterFunc(h.linger, c.Hold())
				}
				break
			}
			h.logger.Error("the members could not be handed on", "file", h.out, "error", err, "again", wait)
			if !h.pause(ctx, wait) {
				return
			}
		}
	}
}

// apply writes the file and runs the command, if the view makes a difference.
// While this node hears nobody it knows nothing of the members, so the file
// stays.
func (h *hook) apply(ctx context.Context, v membership.View) (reloaded bool, err error) {
	if v.Isolated() {
		return false, nil
	}
	content, err := render(h.template, v)
	if err != nil {
		return false, err
	}
	if h.ran && bytes.Equal(content, h.loaded) {
		return false, nil
	}
	if err := replace(h.out, content); err != nil {
		return false, err
	}
	if err := h.reload(ctx); err != nil {
		return false, err
	}
	h.ran, h.loaded = true, content
	h.logger.Info("handed on", "file", h.out, "view", v.Number(), "members", v.Len())
	return true, nil
}

// reload runs the command. Its output is in the error.
func (h *hook) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.command[0], h.command[1:]...)
	cmd.WaitDelay = time.Second // children of the command may hold on to its output
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("-exec %q: %w: %s", h.exec, err, bytes.TrimSpace(out[:min(len(out), 4096)]))
	}
	return nil
}

// quiet waits until nothing has changed for the settling time, or has gone on
// changing for settleMost times as long; false: ctx has ended before.
func (h *hook) quiet(ctx context.Context, g *membership.Group) bool {
	most := time.NewTimer(settleMost * h.settle)
	defer most.Stop()
	calm := time.NewTimer(h.settle)
	defer calm.Stop()
	for {
		select {
		case <-g.View().Stale():
			calm.Reset(h.settle)
		case <-calm.C:
			return true
		case <-most.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// pause waits; false: ctx has ended before.
func (h *hook) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
