// Command quickstart shows a load balancer and two nodes in one process: what
// they tell each other appears on the terminal, and a browser or curl sees the
// nodes take turns. With -check it tries everything on free ports by itself,
// kills one node, and says whether traffic went on.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/gotribes/tribes/examples/internal/program"
)

// joinTime is how long three nodes on one machine may take to find each other.
const joinTime = 20 * time.Second

func main() { program.Main("quickstart", run) }

// places are where a balancer and its nodes listen, all on loopback.
type places struct {
	member, http string // of the balancer
	nodes        [2]place
}

// place is where a node listens.
type place struct{ member, http string }

// article is the set-up that the ports of many old pages are from; free lets
// the system choose.
var (
	article = places{"127.0.0.1:4000", "127.0.0.1:8290",
		[2]place{{"127.0.0.1:4100", "127.0.0.1:9763"}, {"127.0.0.1:4200", "127.0.0.1:9764"}}}
	free = places{"127.0.0.1:0", "127.0.0.1:0",
		[2]place{{"127.0.0.1:0", "127.0.0.1:0"}, {"127.0.0.1:0", "127.0.0.1:0"}}}
)

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := program.NewFlags("quickstart", "a load balancer and two nodes in one process, on loopback")
	check := f.Bool("check", false, "use free ports, send requests, kill a node, and exit 0 if traffic went on")
	verbose := f.Bool("v", false, "log what the library logs on standard error")
	if err := f.Parse(args, stdout); err != nil {
		return err
	}
	logger := slog.New(slog.DiscardHandler)
	if *verbose {
		logger = program.Logger(stderr, "quickstart")
	}
	where := article
	if *check {
		where = free
	}
	show := &screen{out: stdout}
	d, err := start(where, show, logger)
	if err != nil {
		return err
	}
	defer d.close()
	joinCtx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	if err := d.ready(joinCtx); err != nil {
		return fmt.Errorf("the nodes did not find each other: %w", err)
	}
	show.table(d.group.View())
	if *check {
		return d.check(ctx, show)
	}
	show.printf("\nTry it, several times:  curl http://%s/\nEnd it with Ctrl-C.\n\n", d.balancer.web.Addr())
	<-ctx.Done()
	d.leave(logger)
	return nil
}
