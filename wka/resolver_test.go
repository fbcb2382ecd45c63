package wka_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gotribes/tribes/wka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is a name server and a file system.
type names struct {
	hosts map[string][]string
	srv   map[string][]*net.SRV
	files map[string]string

	mu    sync.Mutex
	asked map[string]int
}

func (n *names) resolver() *wka.Resolver {
	n.asked = map[string]int{}
	return &wka.Resolver{
		LookupHost: func(_ context.Context, host string) ([]netip.Addr, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.asked[host]++
			found, ok := n.hosts[host]
			if !ok {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			var ips []netip.Addr
			for _, ip := range found {
				ips = append(ips, netip.MustParseAddr(ip))
			}
			return ips, nil
		},
		LookupSRV: func(_ context.Context, name string) ([]*net.SRV, error) {
			if name == "_broken.example" {
				return n.srv[name], errors.New("some records were malformed")
			}
			return n.srv[name], nil
		},
		ReadFile: func(path string) ([]byte, error) {
			content, ok := n.files[path]
			if !ok {
				return nil, os.ErrNotExist
			}
			return []byte(content), nil
		},
	}
}

func entry(t testing.TB, value string) wka.Entry {
	t.Helper()
	entries, err := wka.List{value}.Parse()
	require.NoError(t, err)
	return entries[0]
}

func TestResolve(t *testing.T) {
	world := &names{
		hosts: map[string][]string{
			"a":       {"10.0.0.2", "10.0.0.1", "::ffff:10.0.0.2", "2001:db8::1"},
			"b":       {"10.0.0.3"},
			"b.":      {"10.0.0.3"},
			"blocked": {"0.0.0.0", "::"},
			"half":    {"0.0.0.0", "10.0.0.9"},
			"none":    {},
		},
		srv: map[string][]*net.SRV{
			"_ok.example":     {{Target: "b.", Port: 2}, {Target: "a", Port: 1}, {Target: "b.", Port: 1}, {Target: "10.9.9.9", Port: 7}},
			"_off.example":    {{Target: ".", Port: 0}},
			"_half.example":   {{Target: "b", Port: 1}, {Target: "b", Port: 0}, {Target: "gone", Port: 1}, nil},
			"_broken.example": {{Target: "b", Port: 5}},
		},
		files: map[string]string{
			"/ok":    "\ufeff# our members\r\n\r\n10.1.1.1:1  # the first\r\n a:1\nsrv+_ok.example",
			"/empty": "# none yet\n",
			"/half":  "b:1\nfile:/ok\nb\n gone:1\n10.1.1.1:1",
			"/large": strings.Repeat("#", wka.MaxFileBytes+1),
			"/full":  "b:1\n" + strings.Repeat("#", wka.MaxFileBytes-4),
			"/long":  "b:1" + strings.Repeat("\n", wka.MaxFileLines) + "#",
			"/lines": "b:1" + strings.Repeat("\n", wka.MaxFileLines),
		},
	}
	for _, c := range []struct {
		value string
		want  []string
		says  []string // of the error; nil: none
	}{
		{"10.0.0.1:4000", []string{"10.0.0.1:4000"}, nil},
		{"[fe80::1%eth0]:4000", []string{"[fe80::1%eth0]:4000"}, nil},
		{"a:1", []string{"10.0.0.1:1", "10.0.0.2:1", "[2001:db8::1]:1"}, nil},
		{"gone:1", nil, []string{`well-known address "gone:1": lookup gone: no such host`}},
		{"none:1", nil, []string{`well-known address "none:1": host "none" has no addresses`}},
		{"blocked:1", nil, []string{`host "blocked" has the address 0.0.0.0, which cannot be dialled`, "address ::,"}},
		{"half:1", []string{"10.0.0.9:1"}, []string{"0.0.0.0"}},
		{"srv+_ok.example", []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.3:2", "10.9.9.9:7", "[2001:db8::1]:1"}, nil},
		{"srv+_none.example", nil, []string{`well-known address "srv+_none.example": there are no SRV records at "_none.example"`}},
		{"srv+_off.example", nil, []string{"the service is not available there"}},
		{"srv+_half.example", []string{"10.0.0.3:1"}, []string{`record for "b" has port 0`, "lookup gone", "not available"}},
		{"srv+_broken.example", []string{"10.0.0.3:5"}, []string{"malformed"}},
		{"file:/ok", []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.3:2", "10.1.1.1:1", "10.9.9.9:7", "[2001:db8::1]:1"}, nil},
		{"file:/empty", nil, nil},
		{"file:/gone", nil, []string{`well-known address file "/gone": file does not exist`}},
		{"file:/half", []string{"10.0.0.3:1", "10.1.1.1:1"}, []string{
			`file "/half" line 2 "file:/ok": a file cannot name a file`, `line 3 "b": no port`, "lookup gone"}},
		{"file:/large", nil, []string{"larger than 1048576 bytes"}},
		{"file:/full", []string{"10.0.0.3:1"}, nil},
		{"file:/long", nil, []string{"4097 lines; at most 4096"}},
		{"file:/lines", []string{"10.0.0.3:1"}, nil},
	} {
		t.Run(c.value, func(t *testing.T) {
			got, err := world.resolver().Resolve(t.Context(), entry(t, c.value))
			require.Equal(t, len(c.want), len(got), "%q", got)
			require.True(t, slices.Equal(c.want, got), "%q", got)
			if c.says == nil {
				require.NoError(t, err)
			}
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
			for host, count := range world.asked {
				require.Equal(t, 1, count, "%s is asked for once", host)
			}
		})
	}
}

func TestResolveKeepsTheCause(t *testing.T) {
	_, err := (&names{}).resolver().Resolve(t.Context(), entry(t, "gone:1"))
	cause, ok := errors.AsType[*net.DNSError](err)
	require.True(t, ok)
	require.True(t, cause.IsNotFound)
	_, err = (&names{}).resolver().Resolve(t.Context(), entry(t, "file:/gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = (&names{}).resolver().Resolve(t.Context(), wka.Entry{})
	require.ErrorContains(t, err, "entries come from List.Parse")
}

func TestResolveReadsTheFileAnew(t *testing.T) {
	world := &names{files: map[string]string{"/f": "10.0.0.1:1"}}
	r, e := world.resolver(), entry(t, "file:/f")
	got, err := r.Resolve(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.1:1"}, got)
	world.files["/f"] = "10.0.0.2:1"
	got, err = r.Resolve(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.2:1"}, got)
}

func TestResolveIsBounded(t *testing.T) {
	many := make([]netip.Addr, 3*wka.MaxAddresses)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	records := make([]*net.SRV, 2*wka.MaxAddresses)
	for i := range records {
		records[i] = &net.SRV{Target: fmt.Sprintf("10.0.%d.%d", i>>8, i&255), Port: 1}
	}
	r := &wka.Resolver{
		LookupHost: func(context.Context, string) ([]netip.Addr, error) { return many, nil },
		LookupSRV:  func(context.Context, string) ([]*net.SRV, error) { return records, nil },
		ReadFile:   func(string) ([]byte, error) { return []byte("srv+a\nsrv+b"), nil },
	}
	all := make([]string, len(many))
	for i, ip := range many {
		all[i] = netip.AddrPortFrom(ip, 1).String()
	}
	slices.Sort(all)

	got, err := r.Resolve(t.Context(), entry(t, "a:1"))
	require.ErrorContains(t, err, "more than 5000 addresses; the rest is left out")
	require.True(t, slices.Equal(all[:wka.MaxAddresses], got), "always the same ones")

	for _, value := range []string{"srv+a", "file:/f"} {
		got, err = r.Resolve(t.Context(), entry(t, value))
		require.ErrorContains(t, err, "more than 5000 SRV records")
		require.LessOrEqual(t, len(got), wka.MaxAddresses)
		require.NotEmpty(t, got)
	}
}

func TestLookupsRunSideBySideButNotAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines strings.Builder
		for i := range 160 {
			fmt.Fprintf(&lines, "host%d:1\n", i)
		}
		var running, most atomic.Int32
		r := &wka.Resolver{
			LookupHost: func(ctx context.Context, host string) ([]netip.Addr, error) {
				now := running.Add(1)
				defer running.Add(-1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				time.Sleep(time.Second) // in the bubble
				return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
			},
			ReadFile: func(string) ([]byte, error) { return []byte(lines.String()), nil },
		}
		start := time.Now()
		got, err := r.Resolve(t.Context(), entry(t, "file:/f"))
		require.NoError(t, err)
		require.Equal(t, []string{"10.0.0.1:1"}, got)
		require.Equal(t, 10*time.Second, time.Since(start))
		require.EqualValues(t, 16, most.Load())
	})
}

func TestResolveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	world := &names{hosts: map[string][]string{"a": {"10.0.0.1"}}}
	for _, value := range []string{"a:1", "srv+a"} {
		got, err := world.resolver().Resolve(ctx, entry(t, value))
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, got)
	}
	require.Empty(t, world.asked)
}

func TestCall(t *testing.T) {
	world := &names{hosts: map[string][]string{"a": {"10.0.0.1"}}}
	got, err := world.resolver().Call(t.Context(), func(context.Context) ([]string, error) {
		return []string{"a:1", "10.0.0.2:1", "10.0.0.1:1"}, nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.1:1", "10.0.0.2:1"}, got)

	down := errors.New("the catalogue is down")
	got, err = world.resolver().Call(t.Context(), func(context.Context) ([]string, error) {
		return []string{"a", "file:/etc/passwd", "a:1"}, down
	})
	require.ErrorIs(t, err, down)
	require.ErrorContains(t, err, `well-known address 0 "a": no port`)
	require.ErrorContains(t, err, "a source cannot name a file")
	require.Equal(t, []string{"10.0.0.1:1"}, got, "what is known is used")

	got, err = world.resolver().Call(t.Context(), func(context.Context) ([]string, error) {
		return slices.Repeat([]string{"a:1"}, wka.MaxEntries+1), nil
	})
	require.ErrorContains(t, err, "gave 4097 of them")
	require.Equal(t, []string{"10.0.0.1:1"}, got)
}

func TestZeroResolverAsksTheSystem(t *testing.T) {
	var r wka.Resolver
	path := filepath.Join(t.TempDir(), "members")
	require.NoError(t, os.WriteFile(path, []byte("127.0.0.1:1\n"), 0o600))
	got, err := r.Resolve(t.Context(), entry(t, "file:"+path))
	require.NoError(t, err)
	require.Equal(t, []string{"127.0.0.1:1"}, got)

	_, err = r.Resolve(t.Context(), entry(t, "file:"+filepath.Dir(path)))
	require.ErrorContains(t, err, "not a regular file")
	_, err = r.Resolve(t.Context(), entry(t, "file:"+path+".gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, make([]byte, wka.MaxFileBytes+1), 0o600))
	_, err = r.Resolve(t.Context(), entry(t, "file:"+path))
	require.ErrorContains(t, err, "larger than")

	if got, err = r.Resolve(t.Context(), entry(t, "localhost:1")); err != nil {
		t.Skip("this system does not know localhost: ", err)
	}
	require.Subset(t, []string{"127.0.0.1:1", "[::1]:1"}, got)
	require.NotEmpty(t, got)
}
