package rows

import (
	"context"
	"net"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
)

var hungRow = Row{
	ID:    "11",
	Title: "Three well-known addresses hang before the one that answers",
	Method: "Three listeners accept and say nothing; the fourth address is a live member. From the call of join until the " +
		"newcomer sees both; " +
		"given up after 60 s.",
	Subjects:  []string{Tribes, LAN},
	Sizes:     []int{2},
	Repeats:   3,
	Alongside: true,
	Limit:     2 * time.Minute,
	Run:       runHung,
}

func runHung(ctx context.Context, j *Job) error {
	f := fleet.New(j.Subject)
	defer f.Close()
	live, err := f.Start(ctx, f.Options())
	if err != nil {
		return err
	}
	o := f.Options()
	o.Seeds = nil
	for range 3 {
		hung := f.Options().Address
		ln, err := net.Listen("tcp", hung)
		if err != nil {
			return err
		}
		defer ln.Close()
		go accept(ln)
		o.Seeds = append(o.Seeds, hung)
	}
	o.Seeds = append(o.Seeds, live.Address)
	p, err := f.Spawn()
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	at := time.Now()
	newcomer, err := f.StartIn(limit, p, o)
	if err != nil {
		return err
	}
	j.Took("the call returns", time.Since(at))
	j.whole(ctx, f, []*fleet.Node{newcomer, live}, at.Add(-time.Minute), at, "both see both", 60*time.Second)
	return nil
}

// accept takes connections and keeps them, without a word.
func accept(ln net.Listener) {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		held = append(held, c)
	}
}
