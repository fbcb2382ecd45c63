package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostsBelongToDomains(t *testing.T) {
	r, err := parseRoutes([]string{"A.test=a", "b.test = b", "c.test=a"}, []string{"a", "b"})
	require.NoError(t, err)
	for host, want := range map[string]string{"a.test": "a", "b.test": "b", "c.test": "a"} {
		domain, ok := r.domainOf(host)
		require.True(t, ok)
		require.Equal(t, want, domain)
	}
	_, ok := r.domainOf("d.test")
	require.False(t, ok, "who is not listed has no domain")
}

func TestOneDomainTakesEveryHost(t *testing.T) {
	r, err := parseRoutes(nil, []string{"a"})
	require.NoError(t, err)
	domain, ok := r.domainOf("any.test")
	require.True(t, ok)
	require.Equal(t, "a", domain)
}

func TestAnyDomainMayBeNamed(t *testing.T) {
	r, err := parseRoutes([]string{"a.test=new"}, []string{"*"})
	require.NoError(t, err)
	domain, ok := r.domainOf("a.test")
	require.True(t, ok)
	require.Equal(t, "new", domain)
}

func TestBadRoutesSayWhatIsWanted(t *testing.T) {
	for _, c := range []struct {
		hosts, manage []string
		text          string
	}{
		{nil, []string{"a", "b"}, "-hosts is not set: want host=domain,… since -manage is not one domain alone"},
		{nil, []string{"*"}, "-hosts is not set: want host=domain,… since -manage is not one domain alone"},
		{[]string{"a.test"}, []string{"a"}, `-hosts "a.test": want host=domain, with commas between several`},
		{[]string{"=a"}, []string{"a"}, `-hosts "=a": want host=domain, with commas between several`},
		{[]string{"a.test=b"}, []string{"a"}, `-hosts "a.test=b": domain "b" is not among those of -manage`},
		{[]string{"a.test=a", "A.TEST=a"}, []string{"a"}, `-hosts "A.TEST=a": the host already belongs to domain "a"`},
		{[]string{"a.test:80=a"}, []string{"a"}, `-hosts "a.test:80=a": want the name of a host alone, without a port or a path`},
	} {
		_, err := parseRoutes(c.hosts, c.manage)
		require.EqualError(t, err, c.text)
	}
}
