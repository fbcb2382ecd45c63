package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gotribes/tribes/internal/world"
)

// Commands for time and for the network.

func (s *stage) advance(args []string) error {
	if len(args) != 1 {
		return errors.New("want one duration")
	}
	d, err := time.ParseDuration(args[0])
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration", args[0])
	}
	s.world().Run(d)
	return nil
}

// settle lets time pass until no view has changed for 5 s, and on to the next
// multiple of 10 s, so that what follows begins at a round time.
func (s *stage) settle([]string) error {
	w := s.world()
	s.changed = w.Now()
	if _, ok := w.RunUntil(settleMost, 100*time.Millisecond, func() bool { return w.Now()-s.changed >= settleQuiet }); !ok {
		return fmt.Errorf("views still change after %s", settleMost)
	}
	w.Run((settleRound - w.Now()%settleRound) % settleRound)
	return nil
}

func (s *stage) cut(args []string) error {
	a, b, err := s.pair(args)
	if err == nil {
		s.w.Cut(a.host, b.host)
	}
	return err
}

func (s *stage) cut1(args []string) error {
	a, b, err := s.pair(args)
	if err == nil {
		s.w.CutOneWay(a.host, b.host)
	}
	return err
}

// partition a,b c,d makes islands.
func (s *stage) partition(args []string) error {
	var parts [][]*world.Host
	for _, arg := range args {
		var part []*world.Host
		for name := range strings.SplitSeq(arg, ",") {
			n, err := s.find(name)
			if err != nil {
				return err
			}
			part = append(part, n.host)
		}
		parts = append(parts, part)
	}
	s.world().Partition(parts...)
	return nil
}

// heal ends all cuts and losses, or the cuts between two nodes.
func (s *stage) heal(args []string) error {
	if len(args) == 0 {
		s.world().Heal()
		return nil
	}
	a, b, err := s.pair(args)
	if err == nil {
		s.w.HealBetween(a.host, b.host)
	}
	return err
}

// refuse a on: the port of a refuses connections while the process runs.
func (s *stage) refuse(args []string) error {
	if len(args) != 2 || args[1] != "on" && args[1] != "off" {
		return errors.New("want a node and on or off")
	}
	n, err := s.find(args[0])
	if err == nil {
		n.host.Refuse(args[1] == "on")
	}
	return err
}

// loss a 0.8 makes segments to a be lost; loss all 0.05 those to everybody.
func (s *stage) loss(args []string) error {
	if len(args) != 2 {
		return errors.New("want a node, or all, and a probability")
	}
	p, err := strconv.ParseFloat(args[1], 64)
	if err != nil || p < 0 || p >= 1 {
		return fmt.Errorf("%q is not a probability below 1", args[1])
	}
	if args[0] == "all" {
		s.world().LossEverywhere(p)
		return nil
	}
	n, err := s.find(args[0])
	if err == nil {
		s.w.Loss(n.host, p)
	}
	return err
}

// jump a 10s sets the monotonic clock of a process ahead.
func (s *stage) jump(args []string) error {
	if len(args) != 2 {
		return errors.New("want a node and a duration")
	}
	d, err := time.ParseDuration(args[1])
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a duration above 0", args[1])
	}
	n, err := s.find(args[0])
	if err == nil {
		n.host.Jump(d)
	}
	return err
}

// dns all.test a b sets what a name resolves to; without nodes: an error.
func (s *stage) dns(args []string) error {
	if len(args) == 0 {
		return errors.New("which name?")
	}
	var to []string
	for _, name := range args[1:] {
		to = append(to, address(name))
	}
	s.world().Name(address(args[0]), to...)
	return nil
}
