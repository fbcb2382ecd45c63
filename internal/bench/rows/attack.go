package rows

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/subject"
)

var attackRow = Row{
	ID:    "15",
	Title: "A stranger says that a member has left, and sends bombs",
	Method: "No keys on either side. memberlist: one UDP datagram of 35 bytes to each member, 'X has left', in X's name; 8 connections " +
		"with a compressed block that unpacks to 256 MiB. tribes: a stranger joins as a member, learns X's record, and " +
		"gossips a forged one " +
		"that says 'left' to each member; 8 connections that announce a frame of 4 GiB and send what they can. Members that dropped X " +
		"within 5 s; growth of the largest resident size of the one that is bombed.",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{5},
	Repeats:   2,
	Alongside: true,
	Network:   true,
	Limit:     2 * time.Minute,
	Run:       booted(runAttack),
}

const bombs = 8

func runAttack(ctx context.Context, j *Job, f *fleet.Fleet, nodes []*fleet.Node) error {
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	spoof, bomb := spoofTribes, bombTribes
	if library, _ := subject.Split(j.Subject); library != Tribes {
		spoof, bomb = spoofMemberlist, bombMemberlist
	}
	i := j.victim(nodes)
	victim, rest := nodes[i], without(nodes, i)
	at := time.Now()
	end, err := spoof(ctx, f, rest, victim)
	if err != nil {
		return err
	}
	t := told(ctx, f, rest, subject.Removed, victim.Name, at, 5*time.Second)
	j.Record("members that dropped a healthy one", "", float64(len(rest)-t.missing))
	end()

	before, err := nodes[0].Stats(ctx)
	if err != nil {
		return err
	}
	if err := bomb(ctx, nodes[0].Address); err != nil {
		return err
	}
	after, err := nodes[0].Stats(ctx)
	if err != nil {
		return err
	}
	j.Record("growth under bombs", "MB", float64(after.Peak-before.Peak)/(1<<20))
	j.Record("processor under bombs", "s", float64(after.CPU-before.CPUAfter)/1e9)
	return nil
}

// bombard opens many connections at once and does with each what send does, for 20 s at most.
func bombard(ctx context.Context, address string, send func(net.Conn)) error {
	var wg sync.WaitGroup
	for range bombs {
		wg.Go(func() {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err != nil {
				return // turned away: no harm done
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			send(c)
		})
	}
	wg.Wait()
	return ctx.Err()
}
