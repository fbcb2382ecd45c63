package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport/memnet"
)

// A world has real nodes on a network in memory, in virtual time, and a pool of
// domain "d" at a balancer.
type world struct {
	*testing.T
	net  *memnet.Network
	lb   *membership.Node
	pool *Pool
	rt   http.RoundTripper
}

func inWorld(t *testing.T, o Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, net: memnet.New()}
		w.lb = w.node(1, membership.Config{Domain: "lb", Manage: []string{"d"}})
		g, ok := w.lb.Group("d")
		require.True(t, ok)
		w.pool = newPool(t, g, o)
		base := &http.Transport{DialContext: w.net.Host("10.0.0.1").DialContext}
		t.Cleanup(base.CloseIdleConnections)
		w.rt = w.pool.Transport(base)
		f(w)
	})
}

// node starts a node at a host; it is closed when the test ends.
func (w *world) node(host int, c membership.Config) *membership.Node {
	w.Helper()
	ip := fmt.Sprintf("10.0.0.%d", host)
	ln, err := w.net.Listen(ip + ":4000")
	require.NoError(w, err)
	c.Listener, c.Dial, c.WellKnown = ln, w.net.Host(ip).DialContext, []string{"10.0.0.1:4000"}
	n, err := membership.Start(c)
	require.NoError(w, err)
	w.Cleanup(func() { _ = n.Close() })
	return n
}

// member starts a node with a server, and waits until the balancer has it.
func (w *world) member(host int, h http.HandlerFunc) (*membership.Node, *http.Server) {
	w.Helper()
	ln, err := w.net.Listen(fmt.Sprintf("10.0.0.%d:80", host))
	require.NoError(w, err)
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			w.Error(err)
		}
	}()
	w.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	n := w.node(host, membership.Config{Domain: "d", Properties: map[string]string{"httpPort": "80"}})
	_, err = n.Ready(w.Context())
	require.NoError(w, err)
	return n, server
}

func (w *world) ask(method string) (string, error) {
	w.Helper()
	return ask(w.T, w.rt, request(w.T, method, ""))
}

func TestReadyMeansThatThePoolHasTheMember(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		for host := 2; host < 6; host++ {
			w.member(host, says(fmt.Sprint("host ", host)))
			require.Len(w, w.pool.Stats().Members, host-1)
		}
		seen := map[string]bool{}
		for range 4 {
			who, err := w.ask(http.MethodGet)
			require.NoError(w, err)
			seen[who] = true
		}
		require.Len(w, seen, 4)
	})
}

func TestLeaveWaitsForRequestsWithoutAnAnswer(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		goOn := make(chan struct{})
		n, _ := w.member(2, func(rw http.ResponseWriter, _ *http.Request) {
			<-goOn
			fmt.Fprint(rw, "first ")
			_ = http.NewResponseController(rw).Flush()
			time.Sleep(time.Minute)
			fmt.Fprint(rw, "last")
		})
		got := make(chan string, 1)
		go func() {
			text, err := w.ask(http.MethodPost)
			got <- fmt.Sprint(text, err)
		}()
		synctest.Wait()
		time.AfterFunc(3*time.Second, func() { close(goOn) })
		report, err := n.Leave(context.Background())
		require.NoError(w, err)
		require.Len(w, report.Confirmed, 1)
		require.Equal(w, "10.0.0.1:4000", report.Confirmed[0].Address)
		require.InDelta(w, 3, report.Took.Seconds(), 0.2, "until the first byte, not until the end of the answer")
		require.Equal(w, "first last<nil>", <-got, "the server finishes what is in flight")
		_, err = w.ask(http.MethodGet)
		require.ErrorContains(w, err, "it has no members")
	})
}

func TestLeaveOfAMemberWithoutRequestsIsConfirmedAtOnce(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		n, _ := w.member(2, says("a"))
		_, err := w.ask(http.MethodGet)
		require.NoError(w, err)
		report, err := n.Leave(context.Background())
		require.NoError(w, err)
		require.Len(w, report.Confirmed, 1)
		require.Less(w, report.Took, 100*time.Millisecond)
	})
}

func TestLeaveDoesNotHangOnABalancerThatCrashes(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		goOn := make(chan struct{})
		n, _ := w.member(2, func(http.ResponseWriter, *http.Request) { <-goOn })
		go func() { _, _ = w.ask(http.MethodPost) }()
		synctest.Wait()
		time.AfterFunc(2*time.Second, func() {
			w.net.Crash("10.0.0.1")
			_ = w.lb.Close()
		})
		require.Equal(w, 1, w.pool.Stats().Members[0].Waiting)
		report, err := n.Leave(context.Background())
		require.NoError(w, err)
		require.Empty(w, report.Confirmed)
		require.Empty(w, report.Missing, "who is gone is not waited for")
		require.InDelta(w, 2, report.Took.Seconds(), 1.5)
		close(goOn)
	})
}

// What Leave is for: while requests come without a break, every member leaves
// and its server is stopped as soon as Leave returns. No request fails, POST or
// GET.
func TestNoRequestFailsWhileMembersLeave(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		ctx, cancel := context.WithCancel(w.Context())
		defer cancel()
		answers := func(rw http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * time.Millisecond)
			_, _ = io.Copy(rw, r.Body)
		}
		w.member(9, answers)
		results := make(chan error, 100_000)
		var clients sync.WaitGroup
		for i := range 20 {
			clients.Go(func() {
				method := []string{http.MethodGet, http.MethodPost}[i%2]
				for ctx.Err() == nil {
					_, err := w.ask(method)
					results <- err
					time.Sleep(time.Duration(i+1) * time.Millisecond)
				}
			})
		}
		for round := range 4 {
			n, server := w.member(2+round, answers)
			time.Sleep(200 * time.Millisecond)
			report, err := n.Leave(context.Background())
			require.NoError(w, err)
			require.Len(w, report.Confirmed, 1)
			_ = server.Close() // harder than Shutdown: whatever was still under way is lost
		}
		cancel()
		clients.Wait()
		close(results)
		n := 0
		for err := range results {
			require.NoError(w, err)
			n++
		}
		require.Greater(w, n, 1000)
	})
}

func TestStickyClientStaysThroughDrainingAndMovesOnLeave(t *testing.T) {
	inWorld(t, Options{Sticky: &Sticky{}}, func(w *world) {
		nodes := map[string]*membership.Node{}
		for host := 2; host < 5; host++ {
			name := fmt.Sprint("host ", host)
			nodes[name], _ = w.member(host, says(name))
		}
		c := &client{t: w.T, rt: w.rt}
		who := c.stays(10)
		require.NoError(w, nodes[who].SetState(w.Context(), membership.Draining))
		time.Sleep(time.Second)
		require.Equal(w, who, c.stays(30))
		require.Equal(w, 1, c.moves)
		for range 10 {
			require.NotEqual(w, who, (&client{t: w.T, rt: w.rt}).ask())
		}
		_, err := nodes[who].Leave(context.Background())
		require.NoError(w, err)
		require.NotEqual(w, who, c.stays(30))
		require.Equal(w, 2, c.moves)
	})
}

func TestIsolatedBalancerKeepsItsMembers(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		for host := 2; host < 5; host++ {
			w.member(host, says("a"))
		}
		g, _ := w.lb.Group("d")
		for host := 2; host < 5; host++ {
			w.net.Cut("10.0.0.1", fmt.Sprintf("10.0.0.%d", host)) // both ways
		}
		until := time.Now().Add(time.Minute)
		for !g.View().Isolated() && time.Now().Before(until) {
			time.Sleep(100 * time.Millisecond)
		}
		require.True(w, g.View().Isolated())
		synctest.Wait()
		s := w.pool.Stats()
		require.True(w, s.Isolated)
		require.Len(w, s.Members, 3, "that this process hears nobody says nothing about the others")
		w.net.HealAll()
		time.Sleep(time.Minute)
		require.False(w, w.pool.Stats().Isolated)
		_, err := w.ask(http.MethodGet)
		require.NoError(w, err)
	})
}

func TestPoolEndsWithItsNode(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		w.member(2, says("a"))
		_, err := w.lb.Leave(context.Background())
		require.NoError(w, err)
		<-w.pool.Done()
		_, err = w.ask(http.MethodGet)
		require.NoError(w, err, "what is under way when a balancer leaves is still served")
	})
}
