package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/membership/tribes"
)

// callTime bounds a call, as in the Java peer.
const callTime = 3 * time.Second

// command obeys a line. It returns true for stop.
func (p *peer) command(ctx context.Context, line string) (stop bool) {
	if line == "" {
		return false
	}
	w := strings.SplitN(line, " ", 4)
	var err error
	switch w[0] {
	case "stop":
		return true
	case "halt":
		p.halt()
	case "send", "sendhex", "sendstr", "sendlen":
		err = p.send(ctx, line, w)
	case "rpc":
		err = p.call(ctx, w)
	case "members":
		p.members()
	case "coordinator":
		m, ok := p.node.Coordinator()
		p.emit("coordinator", "known", ok, "addr", m.Address)
	case "addpeer", "delpeer":
		err = p.change(ctx, w)
	case "sleep":
		err = pause(ctx, w)
	default:
		err = errors.New("unknown command")
	}
	if err != nil {
		p.emit("error", "cmd", line, "error", err.Error())
	}
	return false
}

// send sends a message and says how that went.
func (p *peer) send(ctx context.Context, line string, w []string) error {
	if len(w) < 4 {
		return errors.New("want <options> <target> <data>")
	}
	options, err := strconv.ParseInt(w[1], 0, 64)
	if err != nil {
		return fmt.Errorf("options %q: want a number", w[1])
	}
	body, err := bodyOf(w[0], w[3])
	if err != nil {
		return err
	}
	to, addrs, err := p.targets(w[2])
	if err != nil {
		return err
	}
	begun := time.Now()
	if len(to) > 0 {
		id, err := p.node.Send(ctx, tribes.Options(uint32(options)), body, to...)
		if err != nil {
			p.emit("sendError", "cmd", line, "error", err.Error(), "faulty", faulty(err))
			return nil
		}
		p.emit("sent", "uuid", id.String(), "us", time.Since(begun).Microseconds(), "options", options, "to", addrs)
		return nil
	}
	return errors.New("there are no members")
}

// bodyOf makes the message of a command.
func bodyOf(command, data string) (any, error) {
	switch command {
	case "send":
		return []byte(data), nil
	case "sendhex":
		return hex.DecodeString(data)
	case "sendlen":
		n, err := strconv.Atoi(data)
		if err != nil || n < 0 || n > maxLine {
			return nil, fmt.Errorf("length %q: want a number up to %d", data, maxLine)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i*31 + i>>8)
		}
		return b, nil
	}
	return data, nil
}

type faultyLine struct {
	Addr  string `json:"addr"`
	Cause string `json:"cause"`
}

func faulty(err error) []faultyLine {
	out := []faultyLine{}
	var failed *tribes.DeliveryError
	if errors.As(err, &failed) {
		for _, f := range failed.Failed {
			out = append(out, faultyLine{f.To.String(), f.Err.Error()})
		}
	}
	return out
}

// targets finds all other members, or one by its address, in all groups.
func (p *peer) targets(spec string) (ids []membership.ID, addrs []string, err error) {
	self := p.node.Self().ID
	for g := range p.node.Groups() {
		for m := range g.View().All() {
			if m.ID != self && (spec == "all" || spec == m.Address) {
				ids, addrs = append(ids, m.ID), append(addrs, m.Address)
			}
		}
	}
	if len(ids) == 0 && spec != "all" {
		return nil, nil, fmt.Errorf("no member %s", spec)
	}
	return ids, addrs, nil
}

type responseLine struct {
	From memberLine `json:"from"`
	Text string     `json:"text"`
}

// call calls members and prints their answers.
func (p *peer) call(ctx context.Context, w []string) error {
	if len(w) < 4 {
		return errors.New("want <options> <target> <text>")
	}
	if p.rpc == "" {
		return errors.New("there is no -rpc")
	}
	options, err := strconv.ParseInt(w[1], 0, 64)
	if err != nil {
		return fmt.Errorf("options %q: want a number", w[1])
	}
	to, _, err := p.targets(w[2])
	if err != nil {
		return err
	}
	out := []responseLine{}
	if len(to) > 0 {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		// Who has not answered is missing, as in Java.
		replies, _ := p.node.Call(ctx, p.rpc, tribes.Options(uint32(options)), w[3], to...)
		for _, r := range replies {
			text := r.Text
			if r.Class == "null" {
				text = "null"
			}
			out = append(out, responseLine{lineOf(r.Sender, classSpoken), text})
		}
	}
	p.emit("rpcResponses", "count", len(out), "responses", out)
	return nil
}

// members prints who is there.
func (p *peer) members() {
	out := []memberLine{}
	self := p.node.Self().ID
	for g := range p.node.Groups() {
		for m := range g.View().All() {
			if m.ID != self {
				out = append(out, p.lineOfMember(m))
			}
		}
	}
	own, _ := p.node.Block(self)
	p.emit("members", "count", len(out), "members", out, "local", lineOf(own, classKnown))
}

// change adds or removes a peer.
func (p *peer) change(ctx context.Context, w []string) error {
	if len(w) != 2 {
		return errors.New("want host:port")
	}
	list, err := parsePeers(w[1])
	if err != nil || len(list) != 1 {
		return errors.Join(errors.New("want host:port[,uid=<32 hex>][,domain=x]"), err)
	}
	if w[0] == "addpeer" {
		if err := p.node.AddPeer(ctx, list[0]); err != nil {
			return err
		}
		p.emit("peerAdded", "peer", w[1])
		return nil
	}
	if err := p.node.RemovePeer(ctx, list[0].Address); err != nil {
		return err
	}
	p.emit("peerRemoved", "peer", w[1])
	return nil
}

// pause takes a time in which no commands are obeyed.
func pause(ctx context.Context, w []string) error {
	if len(w) < 2 {
		return errors.New("want milliseconds")
	}
	ms, err := strconv.Atoi(w[1])
	if err != nil {
		return fmt.Errorf("%q: want milliseconds", w[1])
	}
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}
