package tribes

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/internal/javastream"
	wire "github.com/gotribes/tribes/transport/tribes"
)

func axis2(domain string, wellKnown ...int) Config {
	return Config{Mode: Axis2, Domain: domain, Peers: peersAt(wellKnown...)}
}

func TestAWellKnownMemberBringsTheOthersTogether(t *testing.T) {
	inSite(t, func(s *site) {
		w, seen := s.join(1, axis2("d", 1))
		carbon := axis2("d", 1)
		carbon.Properties = map[string]string{"httpPort": "9763", "httpsPort": "9443", "hostName": "h", "subDomain": "worker"}
		_, seen2 := s.join(2, carbon)
		s.wants("the first joiner", time.Second, seen, "added #1 (joined)", "added #2 (joined)")
		s.wants("has the well-known one", 0, seen2, "added #1 (joined)", "added #2 (joined)")
		m, _ := w.Own().View().Get(idAt(2))
		require.Equal(s, "worker", m.SubDomain)
		require.Equal(s, "9443", m.Property("httpsPort"))
		c, seen3 := s.join(3, axis2("d", 1))
		s.wants("the next joiner", time.Second, seen, "added #3 (joined)")
		s.wants("the first is told of it, though it does not know it", 0, seen2, "added #3 (joined)")
		s.wants("and it is given the list", 0, seen3, "added #1 (joined)", "added #2 (joined)", "added #3 (joined)")
		m, _ = c.Own().View().Get(idAt(2))
		require.Equal(s, "9763", m.Property("httpPort"))

		s.net.Crash(host(1))
		w.Close()
		s.wants("the others do without the well-known one", 100*ms, seen2, "removed #1 (crashed)")
		_, seen = s.join(1, axis2("d", 1))
		s.wants("a well-known member that comes back is told who is there", 3*time.Second, seen,
			"added #1 (joined)", "added #2 (joined)", "added #3 (joined)")
	})
}

// The original could not do this: two nodes start, the well-known member later.
func TestALateWellKnownMember(t *testing.T) {
	inSite(t, func(s *site) {
		_, seen2 := s.join(2, axis2("d", 1))
		_, seen3 := s.join(3, axis2("d", 1))
		s.wants("alone", time.Minute, seen2, "added #2 (joined)")
		s.join(1, axis2("d", 1))
		s.wants("together", 10*time.Second, seen2, "added #1 (joined)", "added #3 (joined)")
		s.wants("together", 0, seen3, "added #1 (joined)", "added #2 (joined)", "added #3 (joined)")
	})
}

func TestABalancerManagesDomains(t *testing.T) {
	inSite(t, func(s *site) {
		lb := axis2("lb", 1, 4)
		lb.Manage = []string{"a", "b"}
		one := s.start(1, lb)
		_, seen2 := s.join(2, axis2("a", 1, 4))
		_, seen3 := s.join(3, axis2("a", 1, 4))
		stranger := s.start(5, axis2("c", 1, 4))
		s.wants("nodes see each other and not the balancer", 5*time.Second, seen2, "added #2 (joined)", "added #3 (joined)")
		s.wants("so does the other", 0, seen3, "added #2 (joined)", "added #3 (joined)")
		a, ok := one.Group("a")
		require.True(s, ok)
		require.Equal(s, 2, a.View().Len())
		for m := range a.View().Managers() {
			require.Equal(s, at(1), m.Address)
		}
		require.Equal(s, 1, stranger.Own().View().Len(), "a domain that is not managed is not served")
		require.Equal(s, 1, one.Own().View().Len())

		managed := s.follow(a)
		node := s.start(6, axis2("a", 1))
		s.wants("one more", time.Second, managed, "added #2 (joined)", "added #3 (joined)", "added #6 (joined)")
		require.NoError(s, node.Leave(s.Context()))
		s.wants("which says to the balancer that it leaves, though it does not show it", 50*ms, managed, "removed #6 (left)")

		two := s.start(4, lb)
		s.pass(5 * time.Second)
		require.Equal(s, 2, one.Own().View().Len(), "a second balancer")
		a, _ = two.Group("a")
		require.Equal(s, 2, a.View().Len(), "which is told of the members")
		_, ok = two.Group("c")
		require.False(s, ok)
	})
}

func TestAxis2ChannelsOfTheApplicationAreAnswered(t *testing.T) {
	inSite(t, func(s *site) {
		s.join(1, axis2("d", 1))
		cfg := axis2("d", 1)
		cfg.Calls = map[string]func(context.Context, Message) (any, error){
			"d" + messageChannel: func(_ context.Context, m Message) (any, error) { return "own " + m.Class, nil }}
		n := s.start(2, cfg)
		s.pass(2 * time.Second)
		for _, channel := range []string{initChannel, messageChannel} {
			r, err := n.Call(s.Context(), "d"+channel, 0, "x", idAt(1))
			require.NoError(s, err)
			require.Equal(s, "null", r[0].Class)
		}
		w, _ := s.join(3, axis2("d", 1))
		s.pass(time.Second)
		r, err := w.Call(s.Context(), "d"+messageChannel, 0, "x", idAt(2))
		require.NoError(s, err)
		require.Equal(s, "own java.lang.String", r[0].Text)
		_, err = w.Call(s.Context(), "other"+initChannel, 0, "x", idAt(2))
		require.ErrorIs(s, err, ErrNobody)
	})
}

// The objects that the node writes for Axis2 are those that Axis2 was seen to
// accept and to write.
func TestAxis2ObjectsAsCaptured(t *testing.T) {
	read := func(file string) (m *wire.Message, r *rpc) {
		m = captured(t, file)
		v, err := javastream.Decode(m.Content)
		require.NoError(t, err)
		r, ok, err := rpcOf(v)
		require.True(t, ok)
		require.NoError(t, err)
		return m, r
	}
	again := func(file string, r *rpc) {
		b, err := javastream.Encode(r.object())
		require.NoError(t, err)
		require.Equal(t, captured(t, file).Content, b, file)
	}
	_, r := read("53-go-axis2-join.hex")
	require.Equal(t, "axdom"+membershipChannel, r.channel)
	r.body = plain(joinClass, nil)
	again("53-go-axis2-join.hex", r)

	_, r = read("36-axis2-memberlist-reply.hex")
	item := r.body.(*javastream.Object).Field("members").(*javastream.Array).Items[0]
	m, uid, err := memberOf(item)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:4612", m.Address().String())
	o, err := memberObject(m, uid)
	require.NoError(t, err)
	r.body = plain(listClass, &javastream.Array{Class: memberArrayClass, Items: []javastream.Value{o}})
	again("36-axis2-memberlist-reply.hex", r)

	_, r = read("39-axis2-memberjoined-request.hex")
	m, uid, err = memberOf(r.body.(*javastream.Object).Field("member"))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:4613", m.Address().String())
	require.Equal(t, memberUIDs[0], uid)

	_, r = read("41-axis2-norpcchannel-reply.hex")
	require.True(t, r.nobody)
	again("41-axis2-norpcchannel-reply.hex", r)
	for _, file := range []string{"38-axis2-memberlist-processed.hex", "40-axis2-null-reply.hex"} {
		_, r = read(file)
		require.True(t, r.reply)
		again(file, r)
	}
	_, r = read("26-svc-start-request.hex")
	announce := r.body.(*javastream.Object)
	m, uid, err = memberOf(announce.Field("member"))
	require.NoError(t, err)
	o, err = memberObject(m, uid)
	require.NoError(t, err)
	r.body = plain(announceClass, int32(announceStart), o, announce.Field("membershipId"))
	again("26-svc-start-request.hex", r)
}

func TestTokensAsCaptured(t *testing.T) {
	for file, members := range map[string]int{"21-coord-request.hex": 2, "22-coord-request-forwarded.hex": 2, "23-coord-conf.hex": 2} {
		m := captured(t, file)
		token, err := ballotOf(m.Content)
		require.NoError(t, err, file)
		require.Len(t, token.members, members)
		require.Equal(t, "127.0.0.1:4171", token.leader.Address().String())
		require.Equal(t, file == "23-coord-conf.hex", token.confirm)
		b, err := appendBallot(nil, token, wire.Layout7)
		require.NoError(t, err)
		require.Equal(t, m.Content, b, file)
	}
}

func TestTheLowestIsElected(t *testing.T) {
	inSite(t, func(s *site) {
		all := map[int]*Node{}
		for _, n := range []int{3, 1, 2} {
			all[n] = s.start(n, axis2("d", 1, 2, 3))
			s.pass(3 * time.Second)
		}
		agree := func(on int) {
			s.Helper()
			for _, n := range all {
				m, ok := n.Coordinator()
				require.True(s, ok)
				require.Equal(s, at(on), m.Address)
			}
		}
		agree(1)
		s.net.Crash(host(1))
		all[1].Close()
		delete(all, 1)
		s.pass(5 * time.Second)
		agree(2)
		all[1] = s.start(1, axis2("d", 1, 2, 3))
		s.pass(5 * time.Second)
		agree(1)
	})
}

func TestMembersAreOrderedByBytesWithASign(t *testing.T) {
	of := func(address string) wire.Member {
		m := member(1)
		m.Host = mustAddr(address)
		return m
	}
	require.Negative(t, comparePriority(of("200.0.0.1"), of("10.0.0.1")), "200 is negative for Java")
	require.Negative(t, comparePriority(of("10.0.0.1"), of("::1")), "shorter hosts first")
	a, b := of("10.0.0.1"), of("10.0.0.1")
	b.Port++
	require.Negative(t, comparePriority(a, b))
	b = a
	b.UID[15] = 0xff
	require.Positive(t, comparePriority(a, b))
}
