package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/tribes"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// What Java's classes are called on lines.
const (
	classKnown  = "StaticMember" // by configuration
	classSpoken = "MemberImpl"   // by its own word
)

// cutAt bounds the bytes of a message that are printed.
const cutAt = 512

// maxLine bounds a command: sendhex of 16 MiB.
const maxLine = 40 << 20

// A peer is the running program.
type peer struct {
	*settings
	*lines
	halt   func()
	node   *tribes.Node
	mu     sync.Mutex // guards blocks
	blocks map[membership.ID]wire.Member
}

// class is that of members in views.
func (p *peer) class() string {
	if p.mode == "service" {
		return classSpoken
	}
	return classKnown
}

func (p *peer) run(ctx context.Context, in io.Reader) error {
	cfg, err := p.config()
	if err != nil {
		return err
	}
	level, err := p.logLevel()
	if err != nil {
		return err
	}
	cfg.Logger = slog.New(&logLines{l: p.lines, level: level})
	cfg.Receive = p.receive
	if p.rpc != "" {
		cfg.Calls = map[string]func(context.Context, tribes.Message) (any, error){p.rpc: p.answer}
	}
	p.blocks = map[membership.ID]wire.Member{}
	begun := time.Now()
	if p.node, err = tribes.Join(ctx, cfg); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer p.node.Close()
	own, _ := p.node.Block(p.node.Self().ID)
	p.emit("up", "pid", os.Getpid(), "mode", p.mode, "stack", []string{"tribes " + cfg.Mode.String()},
		"startMs", time.Since(begun).Milliseconds(), "local", lineOf(own, classKnown), "heartbeat", p.heartbeat)
	for g := range p.node.Groups() {
		wg.Go(func() { p.follow(g) })
	}
	commands := make(chan string)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go read(ctx, in, commands) // not awaited: a read of standard input cannot be ended
	for {
		select {
		case line, open := <-commands:
			if !open && !p.exitOnEOF {
				commands = nil // goes on until it is asked otherwise
				continue
			}
			if !open || p.command(ctx, line) {
				p.stop()
				return nil
			}
		case <-ctx.Done():
			p.stop()
			return nil
		}
	}
}

// read passes lines on.
func read(ctx context.Context, in io.Reader, commands chan<- string) {
	defer close(commands)
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		select {
		case commands <- strings.TrimSpace(s.Text()):
		case <-ctx.Done():
			return
		}
	}
}

// stop leaves and says so.
func (p *peer) stop() {
	begun := time.Now()
	if err := p.node.Leave(context.Background()); err != nil {
		p.emit("error", "cmd", "stop", "error", err.Error())
	}
	p.emit("down", "ms", time.Since(begun).Milliseconds())
}

// follow prints who comes and goes.
func (p *peer) follow(g *tribes.Group) {
	self := p.node.Self().ID
	for e := range g.Events(context.Background()) {
		switch {
		case e.Member.ID == self:
		case e.Kind == membership.MemberAdded:
			p.emit("memberAdded", "member", p.lineOfMember(e.Member))
		case e.Kind == membership.MemberRemoved:
			p.emit("memberDisappeared", "member", p.lineOfMember(e.Member), "cause", e.Cause)
		default:
			p.emit(e.Kind.String(), "member", p.lineOfMember(e.Member))
		}
	}
}

// lineOfMember prints what is known of a member, or was known last.
func (p *peer) lineOfMember(m membership.Member) memberLine {
	block, ok := p.node.Block(m.ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if ok {
		p.blocks[m.ID] = block
	} else if block, ok = p.blocks[m.ID]; !ok {
		return plainLine(m, p.class())
	}
	line := lineOf(block, p.class())
	line.Domain = latin1(m.Domain)
	return line
}

// receive prints a message.
func (p *peer) receive(ctx context.Context, m tribes.Message) error {
	from := lineOf(m.Sender, classSpoken)
	switch {
	case p.quiet:
	case m.Class == "":
		text := ""
		if len(m.Bytes) <= cutAt {
			text = strings.ToValidUTF8(string(m.Bytes), string(utf8.RuneError))
		}
		sum := sha256.Sum256(m.Bytes)
		p.emit("msg", "type", "bytes", "len", len(m.Bytes), "hex", cut(m.Bytes), "text", text,
			"sha256", hex.EncodeToString(sum[:]), "from", from)
	default:
		p.emit("msg", "type", "object", "class", m.Class, "text", m.Text, "from", from)
	}
	if p.slow > 0 {
		timer := time.NewTimer(time.Duration(p.slow) * time.Millisecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if p.failRx {
		return errors.New("asked to fail")
	}
	return nil
}

// cut prints bytes in hex, the first of many.
func cut(b []byte) string {
	if len(b) <= cutAt {
		return hex.EncodeToString(b)
	}
	return hex.EncodeToString(b[:cutAt]) + "..."
}

// answer is the echo.
func (p *peer) answer(_ context.Context, m tribes.Message) (any, error) {
	class, text := any(m.Class), m.Text
	switch m.Class {
	case "null":
		class, text = nil, "null"
	case "java.lang.String":
	default:
		text = string(m.Bytes)
	}
	p.emit("rpcRequest", "class", class, "text", text, "from", lineOf(m.Sender, classSpoken))
	return "echo:" + text, nil
}
