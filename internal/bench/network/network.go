// Package network gives a run a network of its own and breaks it: a Linux network namespace in which all addresses of
// 127.0.0.0/8 are free, with rules of nftables in it that drop what they are told to. Packets are dropped where they
// arrive, so that a sender is told nothing, as by a cable that is cut. The namespace ends with the run's processes, so
// nothing is left behind.
package network

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// A Rules is what is dropped, in force at once and until the next call.
type Rules struct{}

// Apply replaces all rules by these, which are lines of nft in an input chain.
func (Rules) Apply(ctx context.Context, lines ...string) error {
	script := "table ip bench\ndelete table ip bench\ntable ip bench {\n chain input {\n  type filter hook input priority 0; " +
		"policy accept;\n  " + strings.Join(lines, "\n  ") + "\n }\n}\n"
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, out)
	}
	return nil
}

// Heal drops nothing any more.
func (r Rules) Heal(ctx context.Context) error { return r.Apply(ctx) }

// Cut are the rules for hosts that neither send nor receive.
func Cut(hosts ...string) []string {
	return []string{"ip saddr " + set(hosts) + " drop", "ip daddr " + set(hosts) + " drop"}
}

// Deaf are the rules for hosts that send, and receive nothing.
func Deaf(hosts ...string) []string { return []string{"ip daddr " + set(hosts) + " drop"} }

// Lossy are the rules for hosts that lose so many of a hundred packets that arrive.
func Lossy(percent int, hosts ...string) []string {
	return []string{fmt.Sprintf("ip daddr %s numgen random mod 100 < %d drop", set(hosts), percent)}
}

// Apart are the rules that keep two parts from each other.
func Apart(a, b []string) []string {
	return []string{
		"ip saddr " + set(a) + " ip daddr " + set(b) + " drop",
		"ip saddr " + set(b) + " ip daddr " + set(a) + " drop",
	}
}

// NoUDP is the rule of a network that has only TCP.
func NoUDP() []string { return []string{"meta l4proto udp drop"} }

func set(hosts []string) string { return "{ " + strings.Join(hosts, ", ") + " }" }
