package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/route"
)

// domains makes the table of flags. It leads to names of domains.
func domains(t *testing.T, args ...string) *route.Table[string] {
	t.Helper()
	s, err := parse(append(args, "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000"), io.Discard)
	require.NoError(t, err)
	table := route.New(s.routes, func(domain, _ string) string { return domain })
	if s.rest != "" {
		table.Rest(s.rest)
	}
	return table
}

func TestHostsBelongToDomains(t *testing.T) {
	table := domains(t, "-hosts", "A.test=a,b.test = b,c.test=a", "-manage", "a,b")
	for host, want := range map[string]string{"a.test": "a", "b.test": "b", "c.test": "a", "x.c.test": "a"} {
		domain, miss := table.Find(host, "/", "", nil)
		require.Equal(t, route.Found, miss)
		require.Equal(t, want, domain)
	}
	_, miss := table.Find("d.test", "/", "", nil)
	require.Equal(t, route.NoHost, miss, "who is not listed has no domain")
}

func TestOneDomainTakesEveryHost(t *testing.T) {
	domain, _ := domains(t, "-manage", "a").Find("any.test", "/", "", nil)
	require.Equal(t, "a", domain)
}

func TestAnyDomainMayBeNamed(t *testing.T) {
	domain, _ := domains(t, "-hosts", "a.test=new", "-manage", "*").Find("a.test", "/", "", nil)
	require.Equal(t, "new", domain)
}

func TestBadRoutesSayWhatIsWanted(t *testing.T) {
	for _, c := range []struct {
		hosts  []string
		manage string
		text   string
	}{
		{nil, "a,b", "-hosts is not set: want host=domain,… since -manage is not one domain alone"},
		{nil, "*", "-hosts is not set: want host=domain,… since -manage is not one domain alone"},
		{[]string{"a.test"}, "a", `-hosts "a.test": want host=domain, with commas between several`},
		{[]string{"=a"}, "a", `-hosts "=a": want host=domain, with commas between several`},
		{[]string{"a.test=b"}, "a", `-hosts "a.test=b": domain "b" is not among those of -manage`},
		{[]string{"a.test=a", "A.TEST=a"}, "a", `-hosts "A.TEST=a": the host already belongs to domain "a"`},
		{[]string{"a.test:80=a"}, "a", `-hosts "a.test:80=a": want the name of a host alone, without a port or a path`},
	} {
		args := []string{"-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-manage", c.manage}
		for _, h := range c.hosts {
			args = append(args, "-hosts", h)
		}
		_, err := parse(args, io.Discard)
		require.EqualError(t, err, c.text)
	}
}
