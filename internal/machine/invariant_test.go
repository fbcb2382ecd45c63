package machine

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// What must hold after every input, whatever it was.

// published folds a change as an application would.
func (z *fuzz) published(c *Change) {
	v := z.views[c.Domain]
	if v == nil || c.Number == 1 && z.m.group(c.Domain) != nil && z.m.group(c.Domain).number == 1 {
		// A domain of * that was dropped and came again begins anew.
		v = &fuzzView{members: map[wire.ID]*Shown{}, newest: map[wire.ID]*wire.Record{}, removed: map[wire.ID]uint32{}}
		z.views[c.Domain] = v
	}
	require.Equal(z.t, v.number+1, c.Number, "view numbers have a gap")
	v.number = c.Number
	h := fnv.New64a()
	fmt.Fprint(h, z.print, c.Domain, c.Number, c.Isolated)
	for _, e := range c.Events {
		fmt.Fprint(h, e.Kind, e.Cause, e.Shown.Record, e.Shown.Suspect, e.Shown.Unreachable, e.Shown.NameConflict)
		z.event(v, e)
	}
	z.print = h.Sum64()
	at := map[string]bool{}
	for _, s := range v.members {
		require.False(z.t, at[s.Record.Address], "two members at %s", s.Record.Address)
		at[s.Record.Address] = true
	}
	require.Contains(z.t, v.members, z.m.self, "not in its own view")
	if c.Isolated {
		require.Len(z.t, v.members, 1, "isolated, yet not alone")
		clear(v.removed) // what was concluded while cut off may be void,
		clear(v.newest)  // and what was known is forgotten
	}
}

func (z *fuzz) event(v *fuzzView, e Event) {
	r := e.Shown.Record
	old := v.members[r.ID]
	switch e.Kind {
	case Added:
		require.Nil(z.t, old, "added twice: %s", r)
		down, was := v.removed[r.ID]
		require.False(z.t, was && r.Incarnation <= down, "%s was dropped at incarnation %d", r, down)
	case Removed:
		require.NotNil(z.t, old, "removed but not there: %s", r)
		require.NotEqual(z.t, z.m.self, r.ID, "removed itself")
		delete(v.members, r.ID)
		if e.Cause == CauseSilent || e.Cause == CauseCrashed {
			v.removed[r.ID] = r.Incarnation
		}
		return
	default:
		require.NotNil(z.t, old, "event %d of who is not there: %s", e.Kind, r)
	}
	if newest := v.newest[r.ID]; newest != nil {
		require.False(z.t, newest.Newer(r), "version went back: %s after %s", r, newest)
	}
	v.newest[r.ID] = r
	v.members[r.ID] = e.Shown
}

// bounds: every queue and table of the machine has its bound.
func (z *fuzz) bounds() {
	m := z.m
	z.must(m.looks.active <= looksAtOnce, "m.looks.active <= looksAtOnce")
	z.must(len(m.looks.under) == m.looks.active, "len(m.looks.under) == m.looks.active")
	z.must(len(m.looks.waiting) <= looksWaiting, "len(m.looks.waiting) <= looksWaiting")
	z.must(len(m.groups) <= 1+m.cfg.MaxDomains, "len(m.groups) <= 1+m.cfg.MaxDomains")
	z.must(len(m.timers) <= 5000, "timers pile up")
	z.must(len(m.order) == len(m.peers), "len(m.order) == len(m.peers)")
	joining := 0
	for _, l := range m.links {
		joining += len(l.joining)
		z.must(l.peer == m.peers[l.peer.id], "a link's peer was forgotten")
	}
	z.must(joining == m.joiners, "joining == m.joiners")
	z.must(joining <= joinersAtOnce, "joining <= joinersAtOnce")
	for _, p := range m.order {
		z.must(len(p.errands) <= 16, "len(p.errands) <= 16")
		wants := 0
		for _, g := range m.groups {
			if slices.ContainsFunc(g.neighbour, func(x *member) bool { return x.rec.ID == p.id }) {
				wants++
			}
		}
		z.must(wants == p.wants, "groups that want a link to %s", p.address)
		if p.link != nil {
			z.must(slices.Contains(m.links, p.link), "slices.Contains(m.links, p.link)")
		}
	}
	for _, e := range m.known.entries {
		z.must(len(e.targets) <= targetsMost, "%d addresses of %s", len(e.targets), e.text)
	}
}

// consistent: a group's tables say the same.
func (z *fuzz) consistent(g *group) {
	z.must(len(g.members) <= g.m.cfg.MaxMembers, "len(g.members) <= g.m.cfg.MaxMembers")
	z.must(g.me == g.members[g.m.self], "g.me == g.members[g.m.self]")
	digest := uint64(0)
	names := map[string]int{}
	for id, x := range g.members {
		z.must(id == x.rec.ID, "id == x.rec.ID")
		z.must(x == g.byAddress[x.rec.Address], "x == g.byAddress[x.rec.Address]")
		z.must(g.domain == x.rec.Domain, "g.domain == x.rec.Domain")
		digest += x.rec.Hash
		names[x.rec.Name]++
		if d := g.gone.get(id); d != nil {
			z.must(d.incarnation < x.rec.Incarnation, "both here and gone: %s", x.rec)
			z.must(!final(d.cause), "gone for good, and here: %s", x.rec)
		}
		if q := x.inquiry; q != nil {
			z.must(len(q.words) <= wire.MaxAccusers, "len(q.words) <= wire.MaxAccusers")
			z.must(len(q.holders) <= wire.MaxAccusers, "len(q.holders) <= wire.MaxAccusers")
			z.must(len(q.dismissed) <= len(g.members)+2*everybodyUpTo, "len(q.dismissed) <= len(g.members)+2*everybodyUpTo")
		}
	}
	z.must(len(g.byAddress) == len(g.members), "len(g.byAddress) == len(g.members)")
	z.must(maps.Equal(names, g.byName), "maps.Equal(names, g.byName)")
	z.must(digest == g.digest, "digest == g.digest")
	for r := range g.rings {
		z.must(len(g.rings[r]) == len(g.members), "len(g.rings[r]) == len(g.members)")
		z.must(slices.IsSortedFunc(g.rings[r], ringOrders[r]), "slices.IsSortedFunc(g.rings[r], ringOrders[r])")
	}
	z.must(z.sameMembers(g), "the neighbours are not the watchers")
	z.must(len(g.waiting) <= waitingMost, "len(g.waiting) <= waitingMost")
	z.must(len(g.unacked) <= unackedMost, "len(g.unacked) <= unackedMost")
	z.must(len(g.gone.byID) <= max(departedLeast, len(g.members)), "len(g.gone.byID) <= max(departedLeast, len(g.members))")
	z.must(len(g.words) <= len(g.neighbour)+everybodyUpTo, "words on whom it no longer watches pile up")
	z.must(len(g.dirty) == 0, "a judgement was left open")
}

func (z *fuzz) sameMembers(g *group) bool {
	var buf [2 * everybodyUpTo]*member
	now := g.rings.watchers(g.me, buf[:0])
	for _, x := range g.neighbour {
		if !x.neighbour || !slices.Contains(now, x) {
			return false
		}
	}
	return len(now) == len(g.neighbour)
}

// must is require.True without its price, which is most of a run's time.
func (z *fuzz) must(ok bool, format string, args ...any) {
	if !ok {
		z.t.Fatalf("at %s, broken: "+format, append([]any{z.now}, args...)...)
	}
}
