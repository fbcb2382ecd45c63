package main

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/admin"
	"github.com/gotribes/tribes/examples/internal/traffic"
	"github.com/gotribes/tribes/membership"
)

// A throng is a group of many members that are made up: as many nodes would need
// more of a machine than a test may have. Who watches whom is told as a node would:
// the next and the one before in each of three orders, and the balancer.
type throng struct {
	*membership.Feed
	all      []membership.Member
	balancer membership.Member
	orders   [3][]membership.ID
	place    [3]map[membership.ID]int
	deaf     map[membership.ID]bool // those that some of their watchers cannot reach
}

// newThrong makes one.
func newThrong(domain string, n int) *throng {
	g := &throng{Feed: membership.NewFeed(domain), deaf: map[membership.ID]bool{}}
	g.balancer = membership.Member{
		ID: membership.ID{2}, Name: "balancer-1", Address: "10.0.9.1:4000", Domain: "wso2.carbon.lb.domain", Manager: true,
	}
	r := rand.New(rand.NewPCG(1, 2))
	var all []membership.Member
	for i := range n {
		id := membership.ID{1, byte(i >> 8), byte(i)}
		all = append(all, membership.Member{
			ID: id, Domain: domain, Name: fmt.Sprintf("is-%03d", i+1), State: membership.Alive,
			Address: fmt.Sprintf("10.0.%d.%d:4000", i/100, i%100+1),
		})
	}
	for o := range g.orders {
		g.place[o] = map[membership.ID]int{}
		for i, at := range r.Perm(n) {
			g.orders[o] = append(g.orders[o], all[at].ID)
			g.place[o][all[at].ID] = i
		}
	}
	g.all = append(all, g.balancer)
	g.Publish(g.all, nil)
	return g
}

// trouble has one member crash, two come under suspicion, and one drain.
func (g *throng) trouble() {
	for i, state := range map[int]membership.State{41: membership.Suspect, 178: membership.Suspect, 230: membership.Draining} {
		g.all[i].State = state
		g.deaf[g.all[i].ID] = state == membership.Suspect
	}
	crashed := g.all[7].ID
	g.all = slices.Delete(g.all, 7, 8)
	g.Publish(g.all, map[membership.ID]membership.Cause{crashed: membership.CauseCrashed})
}

// Explain is that of a Group.
func (g *throng) Explain(id membership.ID) membership.Explanation {
	m, ok := g.View().Get(id)
	out := membership.Explanation{ID: id, Domain: g.Domain(), Known: ok, Present: ok, Member: m}
	out.Watchers = []membership.Watcher{{ID: g.balancer.ID, Address: g.balancer.Address, Self: true, Stance: membership.Vouches}}
	for o, order := range g.orders {
		for side, step := range []int{1, len(order) - 1} {
			w, there := g.View().Get(order[(g.place[o][id]+step)%len(order)])
			if !there {
				continue
			}
			by := membership.Watcher{ID: w.ID, Address: w.Address, Stance: membership.Vouches}
			if g.deaf[id] && side == 0 {
				by.Stance, by.Cause = membership.Accuses, membership.CauseSilent
			}
			out.Watchers = append(out.Watchers, by)
		}
	}
	return out
}

// shootThrong makes the picture of the page of n members.
func shootThrong(t *testing.T, n int) {
	ctx := browser(t)
	const domain = "wso2.is.domain"
	g := newThrong(domain, n+1)
	book := &traffic.Book{}
	site := admin.New(admin.Options{Self: func() membership.Member { return g.balancer }, Traffic: book})
	var wg sync.WaitGroup
	wg.Go(func() { site.Follow(t.Context(), g, nil) })
	server := httptest.NewServer(site.Handler())
	t.Cleanup(func() {
		site.Close()
		server.Close()
		g.Close()
		wg.Wait()
	})
	r := rand.New(rand.NewPCG(3, 4))
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i := range 15 * 20 { // for rates of whole windows
		for m := range g.View().All() {
			if m.State == membership.Alive && r.IntN(10) == 0 {
				book.Count(domain, m.ID, r.IntN(2000) == 0, time.Duration(2+r.ExpFloat64()*8)*time.Millisecond)
			}
		}
		if i == 15*20-40 {
			g.trouble()
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			return
		}
	}
	require.Equal(t, n, g.View().Len())
	look(t, ctx, server.URL+query{"domain": domain}.of("/"), fmt.Sprintf("admin-%d.png", n), "light", 1240)
}
