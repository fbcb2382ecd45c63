package rows

import (
	"context"
	"time"

	"github.com/gotribes/tribes/internal/bench/fleet"
	"github.com/gotribes/tribes/internal/bench/network"
)

var idleRow = Row{
	ID:    "6",
	Title: "What a node costs while nothing happens",
	Method: "N nodes in one process; after 10 s of calm the system's and the runtime's counters over 45 s, divided by N. Payload " +
		"is IP bytes sent less headers of IP, TCP and UDP; packets include TCP's acknowledgements. Heap is after a " +
		"collection, less what an empty process has. " +
		"The whole exchanges of memberlist (30 s apart at N=10, longer in larger groups) fall into it as they fall.",
	Subjects:  []string{Tribes, TribesKey, LAN},
	Sizes:     []int{10, 50, 100, 200},
	Only:      map[string][]int{TribesKey: {50}},
	Repeats:   2,
	Often:     map[int]int{50: 4}, // processor time is compared closely there, beside other jobs
	Alongside: true,
	Network:   true,
	Limit:     4 * time.Minute,
	Run:       runIdle,
}

const idleFor = 45 * time.Second

func runIdle(ctx context.Context, j *Job) error {
	f := fleet.New(j.Subject)
	defer f.Close()
	process, err := f.Spawn()
	if err != nil {
		return err
	}
	empty, err := process.Stats(ctx)
	if err != nil {
		return err
	}
	began, nodes, err := crowd(ctx, f, process, j.Size)
	if err != nil {
		return err
	}
	if err := f.AwaitSize(ctx, began, nodes, j.Size); err != nil {
		return err
	}
	if err := pause(ctx, 10*time.Second); err != nil {
		return err
	}
	before, err := process.Stats(ctx)
	if err != nil {
		return err
	}
	sent, err := network.Count()
	if err != nil {
		return err
	}
	if err := pause(ctx, idleFor); err != nil {
		return err
	}
	now, err := network.Count()
	if err != nil {
		return err
	}
	after, err := process.Stats(ctx)
	if err != nil {
		return err
	}
	n, seconds := float64(j.Size), float64(after.At-before.At)/1e9
	d := now.Since(sent)
	rate := func(v float64) float64 { return v / n / seconds }
	j.Record("payload", "B/s", rate(d.Payload()))
	j.Record("IP bytes", "B/s", rate(float64(d.Bytes)))
	j.Record("packets", "/s", rate(d.Packets()))
	j.Record("processor", "s/min", 60*rate(float64(after.CPU-before.CPUAfter)/1e9))
	j.Record("heap", "KB", float64(int64(after.Heap)-int64(empty.Heap))/n/1024)
	j.Record("garbage", "KB/s", rate(float64(after.Total-before.Total))/1024)
	j.Record("goroutines", "", float64(after.Goroutines-empty.Goroutines)/n)
	j.Record("sockets", "", float64(now.TCP+now.UDP)/n)
	return nil
}
