package membership

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
	"github.com/gotribes/tribes/transport"
)

// A member that sends without end is cut off, and gets no link for a while. The
// others go on: they see each other all the time.
func TestWhoFloodsIsCutOff(t *testing.T) {
	encoded := func(msg wire.Message) []byte {
		var e wire.Encoder
		wire.Encode(&e, msg)
		return e.Bytes()
	}
	// Each returns what is sent: the frames, and how often all of them.
	for name, flood := range map[string]func(x *insider) (frames [][]byte, times int){
		"heartbeats": func(*insider) ([][]byte, int) {
			var e wire.Encoder
			wire.Beat{Seq: 1}.Encode(&e)
			return [][]byte{e.Bytes()}, 100_000
		},
		"old records": func(x *insider) ([][]byte, int) {
			return [][]byte{encoded(&wire.Gossip{Domain: "d", Records: many(x.record, 500)})}, 200
		},
		"messages of unknown kinds": func(*insider) ([][]byte, int) {
			return [][]byte{append([]byte{0x7f}, make([]byte, transport.MaxFrame-1)...)}, 80
		},
		"members that do not exist": func(x *insider) ([][]byte, int) {
			var frames [][]byte
			for i := range 300 {
				frames = append(frames, encoded(&wire.Gossip{Domain: "d", Records: []*wire.Record{
					x.sealed(fresh(x.b), wire.Record{Name: fmt.Sprint("g", i), Address: fmt.Sprintf("10.9.%d.%d:1", i/250, i%250)})}}))
			}
			old := encoded(&wire.Gossip{Domain: "d", Records: many(x.record, 500)})
			return append(frames, slices.Repeat([][]byte{old}, 200)...), 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				k := transport.NewKey()
				all := b.fort(keys(k))
				x := b.insider(k)
				b.pass(2 * time.Second)
				var seen []*follower
				for _, n := range all {
					seen = append(seen, b.follow(n.Own(), nil))
				}
				frames, times := flood(x)
				link, used := x.dial(1), cpuTime()
				queued := 0
				for range times {
					for _, f := range frames {
						_ = link.Send(f)
						// What waits at the flooder would be the dearest part of it.
						if queued += len(f); queued > transport.MaxFrame/2 {
							b.pass(0)
							queued = 0
						}
					}
				}
				b.pass(time.Second)
				if used = cpuTime() - used; raceEnabled {
					used /= raceFactor
				}
				b.Logf("processor %v", used.Round(time.Millisecond))
				require.Less(b, used, attackCPU)
				require.NotEmpty(b, b.log.having("link closed: the peer floods", "peer="+addr(9)))
				l, err := x.endpoint.Dial(b.Context(), addr(1), transport.ID{})
				require.NoError(b, err)
				_, err = x.endpoint.Dial(b.Context(), addr(2), transport.ID{})
				require.NoError(b, err, "at others it is a member as before")
				x.keep(l)
				b.pass(100 * time.Millisecond)
				require.False(b, x.linkedWith(all[0]), "closed again")

				b.pass(floodPause)
				for i, n := range all {
					for j := range all {
						m, ok := n.Own().View().At(addr(j + 1))
						require.True(b, ok)
						require.Equal(b, Alive, m.State)
						require.EqualValues(b, 1, m.Incarnation)
						for _, e := range seen[i].events() {
							require.NotContains(b, e, "removed "+addr(j+1))
							require.NotContains(b, e, "suspected "+addr(j+1))
						}
					}
				}
				x.dial(1)
				b.pass(100 * time.Millisecond)
				require.True(b, x.linkedWith(all[0]), "after a while it gets another chance")
			})
		})
	}
}

func many(r *wire.Record, count int) []*wire.Record {
	out := make([]*wire.Record, count)
	for i := range out {
		out[i] = r
	}
	return out
}

// A group that is as large and as restless as may be stays well below the bound.
func TestABudgetIsEnoughForALargeGroup(t *testing.T) {
	inBubble(t, func(b *bubble) {
		l := b.start(1).loop
		budget := newBudget(l)
		now := l.now()
		table := &wire.Table{Records: make([]*wire.Record, 256)}
		for range 10_000/256 + 1 { // handed over at once
			require.True(b, budget.spend(now, weigh(table, 256<<10)))
		}
		gossip := &wire.Gossip{Records: make([]*wire.Record, 1)}
		for range 10_000 { // all of them change once, each told alone
			require.True(b, budget.spend(now, weigh(gossip, 400)))
		}
		for range 600 { // and then a tenth of them every second, for ten minutes
			now += time.Second
			for range 1000 {
				require.True(b, budget.spend(now, weigh(gossip, 400)))
			}
		}
		spent := 0
		for budget.spend(now, 1) {
			spent++
		}
		require.LessOrEqual(b, spent, int(budget.most))
		require.False(b, budget.spend(now+time.Millisecond, 100))
		require.True(b, budget.spend(now+floodSeconds*time.Second, int(budget.most)-200), "it fills again")
	})
}
