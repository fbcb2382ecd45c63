package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/gotribes/tribes/membership"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// lines writes lines of JSON.
type lines struct {
	mu    sync.Mutex
	out   io.Writer
	begun time.Time
}

func newLines(out io.Writer) *lines { return &lines{out: out, begun: time.Now()} }

// emit writes one line: the time, the event, and pairs of keys and values in
// this order.
func (l *lines) emit(ev string, pairs ...any) {
	now := time.Now()
	var b bytes.Buffer
	b.WriteString("{")
	all := append([]any{"ts", now.UnixMilli(), "up", now.Sub(l.begun).Milliseconds(), "ev", ev}, pairs...)
	for i := 0; i+1 < len(all); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", all[i])
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(all[i+1]); err != nil {
			fmt.Fprintf(&b, "%q", err.Error())
		}
		b.Truncate(len(bytes.TrimRight(b.Bytes(), "\n")))
	}
	b.WriteString("}\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(b.Bytes()) // whoever does not read does not want to know
}

// memberLine is a member as the Java peer prints it.
type memberLine struct {
	Addr       string            `json:"addr"`
	Domain     string            `json:"domain"`
	UID        string            `json:"uid"`
	Alive      int64             `json:"alive"`
	SecurePort int               `json:"securePort"`
	UDPPort    int               `json:"udpPort"`
	Command    string            `json:"command"`
	Payload    string            `json:"payload"`
	Props      map[string]string `json:"props"`
	Class      string            `json:"class"`
	State      string            `json:"state"`
}

func lineOf(m wire.Member, class string) memberLine {
	props := wire.ParseProperties(m.Payload)
	if props == nil {
		props = map[string]string{}
	}
	return memberLine{
		Addr: m.Address().String(), Domain: latin1(m.Domain), UID: m.UID.String(), Alive: m.Alive,
		SecurePort: m.SecurePort, UDPPort: m.UDPPort, Command: hex.EncodeToString([]byte(m.Command)),
		Payload: hex.EncodeToString([]byte(m.Payload)), Props: props, Class: class, State: "ready",
	}
}

// latin1 reads bytes as Java's peer does.
func latin1(s string) string {
	out := make([]rune, 0, len(s))
	for _, b := range []byte(s) {
		out = append(out, rune(b))
	}
	return string(out)
}

// plainLine is a member of which there is no block any more.
func plainLine(m membership.Member, class string) memberLine {
	props := maps.Collect(m.Properties())
	return memberLine{Addr: m.Address, Domain: latin1(m.Domain), UID: wire.UID{}.String(), SecurePort: wire.None, UDPPort: wire.None,
		Props: props, Class: class, State: "ready"}
}

// logLines turns log records into lines.
type logLines struct {
	l     *lines
	level slog.Level
	attrs []slog.Attr
}

func (h *logLines) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *logLines) Handle(_ context.Context, r slog.Record) error {
	var msg strings.Builder
	msg.WriteString(r.Message)
	for _, a := range h.attrs {
		msg.WriteString(" " + a.String())
	}
	r.Attrs(func(a slog.Attr) bool {
		msg.WriteString(" " + a.String())
		return true
	})
	h.l.emit("log", "level", r.Level.String(), "logger", "tribes", "msg", msg.String(), "thrown", nil)
	return nil
}

func (h *logLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logLines{h.l, h.level, append(h.attrs[:len(h.attrs):len(h.attrs)], attrs...)}
}

func (h *logLines) WithGroup(string) slog.Handler { return h }
