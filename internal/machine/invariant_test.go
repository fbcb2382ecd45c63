package machine

import (
	"fmt"
	"hash/fnv"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/wire"
)

// What must hold after every input, whatever it was.

// published folds a change as an application would.
func (z *fuzz) published(c *Change) {
	v := z.views[c.Domain]
	if v == nil || c.Number == 1 && z.m.group(c.Domain) != nil && z.m.group(c.Domain).number == 1 {
		// A domain of * that was dropped and came again begins anew.
		v = &fuzzView{members: map[wire.ID]Shown{}, newest: map[wire.ID]*wire.Record{}, removed: map[wire.ID]uint32{}}
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
		require.Nil(z.t, old.Record, "added twice: %s", r)
		down, was := v.removed[r.ID]
		require.False(z.t, was && r.Incarnation <= down, "%s was dropped at incarnation %d", r, down)
	case Removed:
		require.NotNil(z.t, old.Record, "removed but not there: %s", r)
		require.NotEqual(z.t, z.m.self, r.ID, "removed itself")
		delete(v.members, r.ID)
		if e.Cause == CauseSilent || e.Cause == CauseCrashed {
			v.removed[r.ID] = r.Incarnation
		}
		return
	default:
		require.NotNil(z.t, old.Record, "event %d of who is not there: %s", e.Kind, r)
	}
	if newest := v.newest[r.ID]; newest != nil {
		require.False(z.t, newest.Newer(r), "version went back: %s after %s", r, newest)
	}
	v.newest[r.ID] = r
	v.members[r.ID] = e.Shown
}

// must is require.True without its price, which is most of a run's time.
func (z *fuzz) must(ok bool, format string, args ...any) {
	if !ok {
		z.t.Fatalf("at %s, broken: "+format, append([]any{z.now}, args...)...)
	}
}
