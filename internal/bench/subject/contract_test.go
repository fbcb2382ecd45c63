package subject_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/bench/ours"
	"github.com/gotribes/tribes/internal/bench/subject"
	"github.com/gotribes/tribes/internal/bench/theirs"
)

// freePort returns a loopback address that nobody uses.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

// await returns the first event of a kind about a member.
func await(t *testing.T, events <-chan subject.Event, kind subject.Kind, who string) subject.Event {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind && e.Who == who {
				return e
			}
		case <-late:
			require.FailNow(t, "nothing was told", "%s %s", kind, who)
		}
	}
}

func TestBothLibrariesKeepTheInterface(t *testing.T) {
	for _, c := range []struct {
		name    string
		library subject.Library
		left    string // what the application is told of a member that has left
	}{
		{"tribes", ours.Library{}, "left"},
		{"tribes/key", ours.Library{}, "left"},
		{"memberlist/quick", theirs.Library{}, "alive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := make(chan subject.Event, 1000)
			seed := freePort(t)
			start := func(name, address string, tell func(subject.Event)) subject.Node {
				n, err := c.library.Start(subject.Options{Subject: c.name, Name: name, Address: address, Seeds: []string{seed}}, tell)
				require.NoError(t, err)
				t.Cleanup(func() { n.Close() })
				require.NoError(t, n.Join(t.Context()))
				return n
			}
			a := start("a", seed, func(e subject.Event) { events <- e })
			b := start("b", freePort(t), func(subject.Event) {})
			added := await(t, events, subject.Added, "b")
			require.Equal(t, "a", added.Node)
			require.Equal(t, 2, added.Size)
			require.WithinDuration(t, time.Now(), added.Time(), 30*time.Second)
			require.ElementsMatch(t, []string{"a", "b"}, a.Members())
			require.NoError(t, b.Leave(t.Context()))
			removed := await(t, events, subject.Removed, "b")
			require.Equal(t, c.left, removed.Cause)
			require.Equal(t, 1, removed.Size)
			require.Greater(t, removed.Change, added.Change, "it was told later, and by itself")
			require.Equal(t, []string{"a"}, a.Members())
		})
	}
}

func TestProfilesThatDoNotExistAreRefused(t *testing.T) {
	for name, library := range map[string]subject.Library{"tribes/fast": ours.Library{}, "tribes/drop=soon": ours.Library{},
		"memberlist": theirs.Library{}, "memberlist/wan": theirs.Library{}, "memberlist/probe=-1s": theirs.Library{}} {
		_, err := library.Start(subject.Options{Subject: name, Name: "a", Address: "127.0.0.1:1"}, func(subject.Event) {})
		_, profile := subject.Split(name)
		require.ErrorContains(t, err, fmt.Sprintf("profile %q", profile), name)
	}
}
