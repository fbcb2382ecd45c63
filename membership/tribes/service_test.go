package tribes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	wire "github.com/gotribes/tribes/transport/tribes"
)

func TestServiceMembersTellEachOther(t *testing.T) {
	inSite(t, func(s *site) {
		_, seen := s.join(1, Config{Mode: Service, Peers: peersAt(2, 3), Channel: "c"})
		b := s.start(2, Config{Mode: Service, Peers: peersAt(1), Channel: "c", UID: wire.UID{7}})
		s.wants("the second announces itself", 2*time.Second, seen, "added #1 (joined)", "added #2 (joined)")
		require.Equal(s, 2, b.Own().View().Len())
		c := s.start(3, Config{Mode: Service, Peers: peersAt(1), Channel: "another"})
		s.wants("another channel is another group", 5*time.Second, seen)
		require.Equal(s, 1, c.Own().View().Len())
		require.NoError(s, b.Leave(s.Context()))
		s.wants("a stop", 50*ms, seen, "removed #2 (left)")
		s.start(2, Config{Mode: Service, Peers: peersAt(1), Channel: "c", UID: wire.UID{8}})
		s.wants("another run has another unique id", 2*time.Second, seen, "added #2 (joined)")
		s.net.Stall(host(2), true)
		s.wants("it is there, and says nothing", 4*time.Second, seen)
		s.wants("for too long", 3*time.Second, seen, "removed #2 (silent)")
		s.net.Stall(host(2), false)
		s.wants("it goes on", 10*time.Second, seen, "added #2 (returned)")
		s.net.Crash(host(2))
		s.wants("a crash", 50*ms, seen, "removed #2 (crashed)")
	})
}

// A process that is not configured here, but has this one configured, belongs to
// the group, as in Java.
func TestServiceTakesInWhoeverAnnouncesItself(t *testing.T) {
	inSite(t, func(s *site) {
		_, seen := s.join(1, Config{Mode: Service})
		s.start(2, Config{Mode: Service, Peers: peersAt(1)})
		s.start(3, Config{Mode: Service, Peers: peersAt(1), Domain: "foreign"})
		s.wants("that of the own domain", 2*time.Second, seen, "added #1 (joined)", "added #2 (joined)")
	})
}

// Whoever is first written to with the number of the wrong version is written
// to with the next one, until it answers or is heard.
func TestTheNumberOfTheClassIsLearned(t *testing.T) {
	var b book
	a := member(2).Address()
	require.Equal(t, memberUIDs[0], b.uid(a))
	b.open(a, true)
	for _, uid := range memberUIDs {
		require.Equal(t, uid, b.uid(a))
		b.another(a)
	}
	b.learn(a, 42)
	require.Equal(t, int64(42), b.uid(a))
	other := member(3).Address()
	b.open(other, true)
	require.Equal(t, int64(42), b.uid(other), "what others have is the best guess")
	old := member(4)
	old.Layout = wire.Layout6
	var c book
	c.open(old.Address(), true)
	c.hear(old)
	require.Equal(t, int64(memberUID6), c.uid(old.Address()))
}
