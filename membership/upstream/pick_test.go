package upstream

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

func TestMembersTakeTurns(t *testing.T) {
	p := newPool(t, newGroup("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"), Options{})
	var last string
	for range 30 {
		k, err := p.Pick(Want{})
		require.NoError(t, err)
		require.NotEqual(t, last, k.Address())
		last = k.Address()
		k.Done(Succeeded, nil)
	}
	require.Equal(t, map[string]int{"10.0.0.1:80": 10, "10.0.0.2:80": 10, "10.0.0.3:80": 10}, picks(t, p, 30, Want{}))
}

func TestTurnsAreFairUnderLoad(t *testing.T) {
	p := newPool(t, newGroup("10.0.0.1:80", "10.0.0.2:80"), Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				k, err := p.Pick(Want{})
				if err == nil {
					k.Done(Succeeded, nil)
				}
			}
		})
	}
	wg.Wait()
	for _, m := range p.Stats().Members {
		require.Equal(t, uint64(4000), m.Succeeded)
		require.Zero(t, m.InFlight)
		require.Zero(t, m.Waiting)
	}
}

func TestFewestInFlightIsPicked(t *testing.T) {
	p := newPool(t, newGroup("10.0.0.1:80", "10.0.0.2:80 weight=2", "10.0.0.3:80"), Options{Policy: LeastInFlight})
	held, count := hold(t, p, 40, Want{})
	require.Equal(t, map[string]int{"10.0.0.1:80": 10, "10.0.0.2:80": 20, "10.0.0.3:80": 10}, count, "in proportion to the weights")
	for i := range held {
		if held[i].Address() == "10.0.0.3:80" {
			held[i].Done(Succeeded, nil)
		}
	}
	again, count := hold(t, p, 5, Want{})
	require.Equal(t, map[string]int{"10.0.0.3:80": 5}, count, "who is done has the fewest")
	release(slices.Concat(held, again))
	for _, m := range p.Stats().Members {
		require.Zero(t, m.InFlight, "a second Done does nothing")
	}
}

func TestBetterOfTwoIsPicked(t *testing.T) {
	p := newPool(t, newGroup(many(20, "")...), Options{Policy: TwoChoices})
	held, count := hold(t, p, 2000, Want{})
	defer release(held)
	for address, n := range count {
		// With one choice the mean deviation is 10. With two nobody is far above the mean; a few below it catch up late.
		require.LessOrEqual(t, n, 106, address)
		require.GreaterOrEqual(t, n, 75, address)
	}
	alone := newPool(t, newGroup("10.0.0.1:80"), Options{Policy: TwoChoices})
	require.Equal(t, map[string]int{"10.0.0.1:80": 3}, picks(t, alone, 3, Want{}))
}

func TestWeightsAreKept(t *testing.T) {
	g := newGroup("10.0.0.1:80 weight=1", "10.0.0.2:80 weight=3", "10.0.0.3:80 weight=x", "10.0.0.4:80 weight=0")
	p := newPool(t, g, Options{Policy: Weighted})
	count := picks(t, p, 5000, Want{})
	require.InDelta(t, 1000, count["10.0.0.1:80"], 5)
	require.InDelta(t, 3000, count["10.0.0.2:80"], 5)
	require.InDelta(t, 1000, count["10.0.0.3:80"], 5, "what is no number counts as 1")
	require.Zero(t, count["10.0.0.4:80"], "0 gets nothing")
	for range 50 { // evenly spread, not in a row
		require.Len(t, picks(t, p, 10, Want{}), 3)
	}
	g.set("10.0.0.1:80 weight=7", "10.0.0.2:80 weight=7")
	require.Equal(t, map[string]int{"10.0.0.1:80": 50, "10.0.0.2:80": 50}, picks(t, p, 100, Want{}),
		"a property that changes counts at once")
}

func keys(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("/path/%d", i))
	}
	return out
}

func placed(t *testing.T, p *Pool, keys []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, key := range keys {
		k, err := p.Pick(Want{Key: key})
		require.NoError(t, err)
		out[key] = k.Address()
		k.Done(Succeeded, nil)
	}
	return out
}

func TestKeysStayWhereTheyAre(t *testing.T) {
	list := many(20, "")
	g := newGroup(list...)
	p := newPool(t, g, Options{Policy: Hashed})
	all := keys(4000)
	before := placed(t, p, all)
	require.Equal(t, before, placed(t, p, all))
	require.Equal(t, before, placed(t, newPool(t, newGroup(list...), Options{Policy: Hashed}), all), "every balancer agrees")
	share := map[string]int{}
	for _, at := range before {
		share[at]++
	}
	for at, n := range share {
		require.InDelta(t, 200, n, 70, at)
	}
	g.set(append(list[1:len(list):len(list)], "10.9.9.9:80")...)
	moved := 0
	for key, at := range placed(t, p, all) {
		if at != before[key] {
			moved++
			require.True(t, before[key] == "10.0.0.0:80" || at == "10.9.9.9:80", "only keys of who went, or to who came, move")
		}
	}
	require.InDelta(t, 400, moved, 120, "one in twenty went, one in twenty came")
}

func TestBusyMembersPassKeysOn(t *testing.T) {
	p := newPool(t, newGroup(many(10, "")...), Options{Policy: Hashed})
	held, count := hold(t, p, 1000, Want{Key: "hot"})
	for at, n := range count {
		require.LessOrEqual(t, n, int(math.Ceil(1.25*1001/10)), "%s: one key cannot fill one member", at)
	}
	release(held)
	require.Len(t, picks(t, p, 100, Want{Key: "hot"}), 1, "with room everywhere it is one member")
	unbound := newPool(t, newGroup(many(10, "")...), Options{Policy: Hashed, LoadBound: -1})
	held, count = hold(t, unbound, 1000, Want{Key: "hot"})
	require.Len(t, count, 1)
	release(held)
	require.Len(t, picks(t, p, 1000, Want{}), 10, "who has no key is spread")
}

func TestKeysFollowWeights(t *testing.T) {
	p := newPool(t, newGroup("10.0.0.1:80 weight=1", "10.0.0.2:80 weight=4"), Options{Policy: Hashed, LoadBound: -1})
	share := map[string]int{}
	for _, at := range placed(t, p, keys(5000)) {
		share[at]++
	}
	require.InDelta(t, 1000, share["10.0.0.1:80"], 150)
}

func TestOnlyWhoIsMeantIsInThePool(t *testing.T) {
	list := []string{"10.0.0.1:80 sub=worker zone=a", "10.0.0.2:80 sub=mgt zone=a", "10.0.0.3:80 sub=worker zone=b",
		"10.0.0.4:80 sub=worker httpPort="}
	for _, c := range []struct {
		o    Options
		want []string
	}{
		{Options{}, []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}},
		{Options{SubDomain: "worker"}, []string{"10.0.0.1:80", "10.0.0.3:80"}},
		{Options{SubDomain: "worker", Properties: map[string]string{"zone": "b"}}, []string{"10.0.0.3:80"}},
		{Options{Filter: func(m membership.Member) bool { return m.Property("zone") == "a" }}, []string{"10.0.0.1:80", "10.0.0.2:80"}},
	} {
		count := picks(t, newPool(t, newGroup(list...), c.o), 30, Want{})
		var got []string
		for at := range count {
			got = append(got, at)
		}
		require.ElementsMatch(t, c.want, got)
	}
	other := newPool(t, newGroup("10.0.0.1:80 tcpPort=9000"), Options{Port: "tcpPort"})
	require.Equal(t, map[string]int{"10.0.0.1:9000": 1}, picks(t, other, 1, Want{}))
}

func TestStatesDecideWhoGetsRequests(t *testing.T) {
	g := newGroup("10.0.0.1:80", "10.0.0.2:80 suspect", "10.0.0.3:80 draining", "10.0.0.4:80 leaving")
	p := newPool(t, g, Options{})
	require.Equal(t, map[string]int{"10.0.0.1:80": 20}, picks(t, p, 20, Want{}))
	first := member("10.0.0.1:80").ID
	require.Equal(t, map[string]int{"10.0.0.2:80": 20}, picks(t, p, 20, Want{Avoid: []membership.ID{first}}),
		"who is suspect gets what nobody else can have")
	require.Equal(t, map[string]int{"10.0.0.3:80": 20}, picks(t, p, 20, Want{Member: member("10.0.0.3:80").ID}),
		"who drains gets what is sticky")
	require.Equal(t, map[string]int{"10.0.0.1:80": 20}, picks(t, p, 20, Want{Member: member("10.0.0.4:80").ID}),
		"who leaves gets nothing at all")
	require.Equal(t, map[string]int{"10.0.0.2:80": 1}, picks(t, p, 1, Want{Only: func(a string) bool { return a == "10.0.0.2:80" }}))
	g.set("10.0.0.3:80 draining", "10.0.0.4:80 leaving")
	_, err := p.Pick(Want{})
	require.EqualError(t, err, `nobody in domain "d" can answer: of its 2 members 2 are draining or leaving and 0 publish no httpPort`)
	g.set("10.0.0.3:80 alive")
	require.Equal(t, map[string]int{"10.0.0.3:80": 1}, picks(t, p, 1, Want{}), "maintenance is over")
}

func TestOwnZoneIsPreferred(t *testing.T) {
	g := newGroup("10.0.0.1:80 zone=a", "10.0.0.2:80 zone=b", "10.0.0.3:80 zone=a", "10.0.0.4:80")
	p := newPool(t, g, Options{Zone: "a"})
	require.Equal(t, map[string]int{"10.0.0.1:80": 10, "10.0.0.3:80": 10}, picks(t, p, 20, Want{}))
	g.set("10.0.0.1:80 zone=a suspect", "10.0.0.2:80 zone=b", "10.0.0.4:80")
	require.Equal(t, map[string]int{"10.0.0.2:80": 10, "10.0.0.4:80": 10}, picks(t, p, 20, Want{}), "others before who may be down")
}

func TestNobodyIsAnErrorWithAReason(t *testing.T) {
	for _, c := range []struct {
		members []string
		o       Options
		reason  string
	}{
		{nil, Options{}, "it has no members"},
		{[]string{"10.0.0.1:80 httpPort="}, Options{}, "none of its 1 members publishes the property httpPort"},
		{[]string{"10.0.0.1:80 leaving", "10.0.0.2:80 httpPort=", "10.0.0.3:80 sub=x"}, Options{SubDomain: "mgt"},
			"of its 3 members 0 are draining or leaving and 1 publish no httpPort; " +
				"2 are not for this pool (sub-domain, properties or filter)"},
	} {
		_, err := newPool(t, newGroup(c.members...), c.o).Pick(Want{})
		require.EqualError(t, err, `nobody in domain "d" can answer: `+c.reason)
	}
	p := newPool(t, newGroup("10.0.0.1:80"), Options{})
	p.Close()
	_, err := p.Pick(Want{})
	require.ErrorIs(t, err, ErrClosed)
}

func TestBadOptionsNameTheField(t *testing.T) {
	for field, o := range map[string]Options{
		"Options.Policy":       {Policy: 77},
		"Options.LoadBound":    {LoadBound: 0.5},
		"Options.Tries":        {Tries: 17},
		"Options.RepeatBudget": {RepeatBudget: math.NaN()},
		"Options.Panic":        {Panic: 1.5},
		"Options.PanicWindow":  {PanicWindow: -1},
		"Options.Sticky.Form":  {Sticky: &Sticky{Form: 9}},
		"Options.Sticky.Key":   {Sticky: &Sticky{Key: []byte("short")}},
		"Options.Sticky.Name":  {Sticky: &Sticky{Name: "a b"}},
	} {
		_, err := New(Static(), o)
		var bad *OptionError
		require.ErrorAs(t, err, &bad, field)
		require.Equal(t, field, bad.Field)
	}
}

func TestStaticAddressesAreMembers(t *testing.T) {
	p := newPool(t, Static("10.0.0.1:80", "10.0.0.2:81", "10.0.0.1:80"), Options{Port: "whatever"})
	require.Equal(t, map[string]int{"10.0.0.1:80": 5, "10.0.0.2:81": 5}, picks(t, p, 10, Want{}))
}

func TestServersAreWhoMayGetRequests(t *testing.T) {
	g := newGroup("10.0.0.2:80", "10.0.0.1:80 draining", "10.0.0.3:80 leaving", "10.0.0.4:80 httpPort=")
	p := newPool(t, g, Options{})
	list, stale := p.Servers()
	require.Len(t, list, 2)
	require.Equal(t, "10.0.0.1:80", list[0].Address)
	require.Equal(t, membership.Draining, list[0].Member.State)
	require.Equal(t, "10.0.0.2:80", list[1].Address)
	select {
	case <-stale:
		require.Fail(t, "nothing has changed")
	default:
	}
	g.set("10.0.0.2:80")
	<-stale
	list, _ = p.Servers()
	require.Len(t, list, 1)
}
