package balance_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/balance"
	"github.com/gotribes/tribes/membership"
)

// group is a domain whose view the test sets.
type group struct {
	mu     sync.Mutex
	view   membership.View
	failed []membership.ID
}

func (g *group) View() membership.View {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.view
}

func (g *group) ReportFailure(id membership.ID, _ error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed = append(g.failed, id)
}

// set makes the view. Members are "address httpPort state", where - is no port.
func (g *group) set(members ...string) *group {
	var list []membership.Member
	for i, m := range members {
		f := strings.Fields(m)
		made := membership.Member{ID: membership.ID{byte(i + 1)}, Address: f[0]}
		for s := membership.Alive; s <= membership.Failed; s++ {
			if s.String() == f[2] {
				made.State = s
			}
		}
		if f[1] != "-" {
			made = made.WithProperties(map[string]string{balance.PortProperty: f[1]})
		}
		list = append(list, made)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.view = membership.MakeView("d", 1, list)
	return g
}

// hosts are the targets of one pick.
func hosts(t *testing.T, p *balance.Picker, g *group) []string {
	t.Helper()
	targets, err := p.Pick("d", g)
	require.NoError(t, err)
	var out []string
	for _, target := range targets {
		out = append(out, target.Host)
	}
	return out
}

func TestMembersTakeTurns(t *testing.T) {
	var p balance.Picker
	g := new(group).set("10.0.0.1:4000 80 alive", "10.0.0.2:4000 81 alive", "[fd00::3]:4000 82 alive")
	require.Equal(t, []string{"10.0.0.1:80", "10.0.0.2:81", "[fd00::3]:82"}, hosts(t, &p, g))
	require.Equal(t, []string{"10.0.0.2:81", "[fd00::3]:82", "10.0.0.1:80"}, hosts(t, &p, g))
	require.Equal(t, []string{"[fd00::3]:82", "10.0.0.1:80", "10.0.0.2:81"}, hosts(t, &p, g))
	require.Equal(t, []string{"10.0.0.1:80", "10.0.0.2:81", "[fd00::3]:82"}, hosts(t, &p, g))
}

func TestSuspectsAreTheLastResort(t *testing.T) {
	var p balance.Picker
	g := new(group).set("10.0.0.1:4000 80 suspect", "10.0.0.2:4000 80 alive", "10.0.0.3:4000 80 draining",
		"10.0.0.4:4000 80 leaving", "10.0.0.5:4000 - alive")
	for range 3 {
		require.Equal(t, []string{"10.0.0.2:80", "10.0.0.1:80"}, hosts(t, &p, g))
	}
}

func TestNobodyIsAnErrorWithAReason(t *testing.T) {
	for _, c := range []struct {
		members []string
		reason  string
	}{
		{nil, "it has no members"},
		{[]string{"10.0.0.1:4000 - alive"}, "none of its 1 members publishes the property httpPort"},
		{[]string{"10.0.0.1:4000 80 leaving", "10.0.0.2:4000 - alive"},
			"of its 2 members 1 are draining or leaving and 1 publish no httpPort"},
	} {
		_, err := new(balance.Picker).Pick("d", new(group).set(c.members...))
		require.EqualError(t, err, `nobody in domain "d" can answer: `+c.reason)
	}
	_, err := new(balance.Picker).Pick("d", nil)
	require.EqualError(t, err, `nobody in domain "d" can answer: no member of it has been heard of`)
}

func TestTurnsAreFairUnderLoad(t *testing.T) {
	var p balance.Picker
	g := new(group).set("10.0.0.1:4000 80 alive", "10.0.0.2:4000 80 alive")
	count := make(chan string, 400)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if targets, err := p.Pick("d", g); err == nil {
					count <- targets[0].Host
				}
			}
		})
	}
	wg.Wait()
	close(count)
	n := map[string]int{}
	for host := range count {
		n[host]++
	}
	require.Equal(t, map[string]int{"10.0.0.1:80": 200, "10.0.0.2:80": 200}, n)
}
