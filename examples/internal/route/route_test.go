package route_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/lbconf"
	"github.com/gotribes/tribes/examples/internal/route"
	"github.com/gotribes/tribes/examples/internal/tenants"
)

const text = `services {
  identity { domains {
    is.domain { tenant_range *; sub_domain worker; hosts is.test,login.test; url_suffix alias.test,login.alias.test; }
    is.domain { tenant_range *; sub_domain mgt;    hosts mgt.is.test; }
  } }
  esb { hosts esb.test; domains {
    gold.domain { tenant_range 1-100; }
    seven.domain { tenant_range 107; }
    esb.domain { tenant_range *; }
  } }
  strict { hosts strict.test; domains { strict.domain { tenant_range 5; } } }
}`

var ids = tenants.Map{"gold.test": 7, "late.test": 107, "none.test": 1000, "five": 5}

func table(t testing.TB) *route.Table[string] {
	t.Helper()
	f, err := lbconf.Parse("lb.conf", []byte(text), nil)
	require.NoError(t, err)
	return route.New(f.Routes, func(domain, subDomain string) string { return domain + "#" + subDomain })
}

func TestHostAndTenantSayWhereARequestBelongs(t *testing.T) {
	for _, c := range []struct {
		host, path, query string
		want              string
		miss              route.Miss
	}{
		{"is.test", "/", "", "is.domain#worker", route.Found},
		{"IS.Test.:8290", "/", "", "is.domain#worker", route.Found},
		{"mgt.is.test", "/", "", "is.domain#mgt", route.Found},
		{"a.b.mgt.is.test:80", "/", "", "is.domain#mgt", route.Found},
		{"other.is.test", "/", "", "is.domain#worker", route.Found},
		{"x.alias.test", "/", "", "is.domain#worker", route.Found},
		{"test", "/", "", "", route.NoHost},
		{"notis.test", "/", "", "", route.NoHost},
		{"", "/", "", "", route.NoHost},
		{".", "/", "", "", route.NoHost},
		{"[::1]:80", "/", "", "", route.NoHost},
		{strings.Repeat("a.", 1000) + "is.test", "/", "", "", route.NoHost},
		{"esb.test", "/t/gold.test/x", "", "gold.domain#", route.Found},
		{"esb.test", "/t/GOLD.test", "", "gold.domain#", route.Found},
		{"esb.test", "/t/late.test/", "", "seven.domain#", route.Found},
		{"esb.test", "/t/none.test/", "", "esb.domain#", route.Found},
		{"esb.test", "/t/unknown/", "", "esb.domain#", route.Found},
		{"esb.test", "/t/", "", "esb.domain#", route.Found},
		{"esb.test", "/x/t/gold.test/", "", "esb.domain#", route.Found},
		{"esb.test", "/", "a=b&tenantDomain=gold.test&c", "gold.domain#", route.Found},
		{"esb.test", "/", "tenantDomain=gold%2Etest", "gold.domain#", route.Found},
		{"esb.test", "/", "tenantDomain=%zz", "esb.domain#", route.Found},
		{"esb.test", "/", "mytenantDomain=gold.test", "esb.domain#", route.Found},
		{"esb.test", "/t/unknown/", "tenantDomain=gold.test", "esb.domain#", route.Found}, // the path goes first
		{"is.test", "/t/gold.test/", "", "is.domain#worker", route.Found},
		{"strict.test", "/t/five/", "", "strict.domain#", route.Found},
		{"strict.test", "/", "", "", route.NoTenant},
		{"strict.test", "/t/gold.test/", "", "", route.NoTenant},
	} {
		got, miss := table(t).Find(c.host, c.path, c.query, ids)
		require.Equal(t, c.want, got, "%v", c)
		require.Equal(t, c.miss, miss, "%v", c)
	}
}

func TestEveryOtherHostMayHaveAPlaceToo(t *testing.T) {
	table := table(t)
	table.Rest("rest")
	for host, want := range map[string]string{"is.test": "is.domain#worker", "other": "rest", "": "rest", "[::1]": "rest"} {
		got, miss := table.Find(host, "/", "", nil)
		require.Equal(t, want, got)
		require.Equal(t, route.Found, miss)
	}
}

func TestHostHeadersAreCut(t *testing.T) {
	for host, want := range map[string][2]string{
		"a.test": {"a.test", ""}, "a.test:80": {"a.test", "80"}, "a.test.:": {"a.test", ""},
		"[::1]:8290": {"::1", "8290"}, "[::1]": {"::1", ""}, "::1": {"::1", ""}, "[": {"[", ""}, "": {"", ""},
	} {
		require.Equal(t, want, [2]string{route.Name(host), route.Port(host)}, host)
	}
}

func TestFindingAllocatesNothing(t *testing.T) {
	table := table(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		table.Find("A.B.Login.test:8290", "/t/Gold.test/x", "", ids)
		table.Find("esb.test:8290", "/t/Gold.test/x", "", ids)
		table.Find("esb.test", "/", "a=b&tenantDomain=gold.test", ids)
	}))
}

func BenchmarkFind(b *testing.B) {
	table := table(b)
	b.ReportAllocs()
	for b.Loop() {
		table.Find("a.login.test:8290", "/t/gold.test/x", "", ids)
	}
}

// FuzzFind: no host, path or query makes it crash, and a name below another
// leads where that does.
func FuzzFind(f *testing.F) {
	f.Add("a.is.test:80", "/t/gold.test/x", "tenantDomain=a")
	f.Add("[::1]:1", "/", "%zz")
	table := table(f)
	f.Fuzz(func(t *testing.T, host, path, query string) {
		got, miss := table.Find(host, path, query, ids)
		require.Equal(t, miss == route.Found, got != "")
		if name := route.Name(host); miss == route.Found && len(name) < 200 && !strings.HasPrefix(host, "[") {
			below, _ := table.Find("y."+host, path, query, ids)
			require.Equal(t, got, below)
		}
	})
}
