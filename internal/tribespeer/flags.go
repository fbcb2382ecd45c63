package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/gotribes/tribes/membership/tribes"
	wire "github.com/gotribes/tribes/transport/tribes"
)

// settings are the flags.
type settings struct {
	addr, peers, mode, domain, manage, channel, uid, rpc, level string
	props                                                       map[string]string
	legacy, noNotices, readTest, failRx, quiet, exitOnEOF       bool
	heartbeat, fdConnect, fdRead, slow                          int
	coordinator                                                 string
}

var modes = map[string]tribes.Mode{
	"interceptor": tribes.Static, "static": tribes.Static, "service": tribes.Service, "axis2": tribes.Axis2,
}

var coordinators = map[string]tribes.CoordinatorMode{
	"auto": tribes.CoordinatorAuto, "on": tribes.CoordinatorOn, "off": tribes.CoordinatorOff,
}

// parse reads the flags; help is where -h writes to.
func parse(args []string, help io.Writer) (*settings, error) {
	s := &settings{props: map[string]string{}}
	f := flag.NewFlagSet("tribespeer", flag.ContinueOnError)
	f.SetOutput(help)
	f.StringVar(&s.addr, "addr", "127.0.0.1:4001", "the `host:port` to listen on and to announce")
	f.StringVar(&s.peers, "peers", "", "the other `members`, or in the mode axis2 the well-known ones: "+
		"host:port[,uid=<32 hex>][,domain=x], with commas between")
	f.StringVar(&s.mode, "mode", "interceptor", "interceptor, service or axis2")
	f.StringVar(&s.domain, "domain", "testdomain", "the `name` of the domain")
	f.StringVar(&s.manage, "manage", "", "further `domains` to follow in the mode axis2, with commas between")
	f.StringVar(&s.channel, "channel", "", "the `name` of the channel, in the mode service (default chan)")
	f.StringVar(&s.uid, "uid", "", "its unique id, 32 `hex` digits (default zero)")
	f.StringVar(&s.rpc, "rpc", "", "the `id` of an rpc channel that answers echo:<text>")
	f.StringVar(&s.level, "log", "WARN", "the least `level` of log lines: DEBUG, INFO, WARN, ERROR")
	f.StringVar(&s.coordinator, "coordinator", "auto", "auto, on or off: whether it starts elections when it is the lowest")
	f.Func("prop", "a `key=value` to publish; may be repeated", func(kv string) error {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return errors.New("want key=value")
		}
		s.props[k] = v
		return nil
	})
	f.BoolVar(&s.legacy, "legacy", false, "write member blocks in the layout of Tribes 6.0, and no notices of start and stop")
	f.BoolVar(&s.noNotices, "no-notices", false, "send no notices of start and stop, for peers before 7.0.68")
	f.BoolVar(&s.readTest, "readtest", false, "probes wait for an answer")
	f.BoolVar(&s.failRx, "fail-rx", false, "the receiver of messages fails")
	f.BoolVar(&s.quiet, "quiet", false, "print no msg lines, for measurements")
	f.BoolVar(&s.exitOnEOF, "exit-on-eof", false, "leave at the end of standard input")
	f.IntVar(&s.heartbeat, "heartbeat", 1000, "`ms` between probes of a peer")
	f.IntVar(&s.fdConnect, "fd-connect-timeout", 0, "`ms` to connect to a peer (default 2000)")
	f.IntVar(&s.fdRead, "fd-read-timeout", 0, "`ms` to wait for the answer to a probe (default 3000)")
	f.IntVar(&s.slow, "slow", 0, "`ms` that the receiver of messages takes")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is not a flag", f.Arg(0))
	}
	return s, nil
}

// config makes the node's settings.
func (s *settings) config() (tribes.Config, error) {
	var c tribes.Config
	mode, ok := modes[s.mode]
	if !ok {
		return c, fmt.Errorf("-mode %q: want interceptor, service or axis2", s.mode)
	}
	coordinator, ok := coordinators[s.coordinator]
	if !ok {
		return c, fmt.Errorf("-coordinator %q: want auto, on or off", s.coordinator)
	}
	uid, err := parseUID(s.uid)
	if err != nil {
		return c, fmt.Errorf("-uid %w", err)
	}
	peers, err := parsePeers(s.peers)
	if err != nil {
		return c, fmt.Errorf("-peers %w", err)
	}
	var manage []string
	if s.manage != "" {
		manage = strings.Split(s.manage, ",")
	}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	return tribes.Config{
		Mode: mode, Domain: s.domain, Manage: manage, Advertise: s.addr, Peers: peers, UID: uid, Properties: s.props,
		Channel: s.channel, OldLayout: s.legacy, NoNotices: s.noNotices, ReadTest: s.readTest, Coordinator: coordinator,
		ProbeInterval: ms(s.heartbeat), ProbeTimeout: ms(s.fdConnect), ReadTimeout: ms(s.fdRead),
	}, nil
}

func (s *settings) logLevel() (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(s.level)); err != nil {
		return l, fmt.Errorf("-log %q: want DEBUG, INFO, WARN or ERROR", s.level)
	}
	return l, nil
}

func parseUID(text string) (wire.UID, error) {
	var uid wire.UID
	b, err := hex.DecodeString(text)
	if err != nil || text != "" && len(b) != len(uid) {
		return uid, fmt.Errorf("%q: want 32 hex digits", text)
	}
	copy(uid[:], b)
	return uid, nil
}

// parsePeers reads host:port items; uid= and domain= belong to the one before.
func parsePeers(text string) ([]tribes.Peer, error) {
	var out []tribes.Peer
	for item := range strings.SplitSeq(text, ",") {
		key, value, isOption := strings.Cut(item, "=")
		switch {
		case item == "":
		case !isOption:
			out = append(out, tribes.Peer{Address: item})
		case len(out) == 0:
			return nil, fmt.Errorf("%q: want host:port before it", item)
		case key == "domain":
			out[len(out)-1].Domain = value
		case key == "uid":
			uid, err := parseUID(value)
			if err != nil {
				return nil, err
			}
			out[len(out)-1].UID = uid
		default:
			return nil, fmt.Errorf("%q: want uid= or domain=", item)
		}
	}
	return out, nil
}
