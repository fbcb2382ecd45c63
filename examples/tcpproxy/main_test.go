package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gotribes/tribes/examples/internal/freeport"
	"github.com/gotribes/tribes/examples/internal/program"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func free(t *testing.T) string { return freeport.Address(t) }

// server starts a member that answers each connection with its name and then,
// once the client has said all, with what it said.
func server(t *testing.T, name, balancer string) *membership.Node {
	t.Helper()
	l := listen(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprintf(conn, "%s ", name)
				said, _ := io.ReadAll(conn) // what is missing is missed by the client
				conn.Write(said)
			}()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	n, err := membership.Start(membership.Config{
		Name: name, Domain: "d", Listener: listen(t), WellKnown: wka.List{balancer}, Properties: map[string]string{"tcpPort": port},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		n.Close()
		l.Close()
		<-done
	})
	return n
}

// start runs the program; stop ends it as a signal would, and returns its error.
func start(t *testing.T) (member, web string, stop func() error) {
	t.Helper()
	member, web = free(t), free(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var log bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"-manage", "d", "-advertise", member, "-wka", member, "-listen", web, "-drain", "2s"}, io.Discard, &log)
	}()
	var once error
	stopped := false
	stop = func() error {
		cancel()
		if !stopped {
			once, stopped = <-ended, true
		}
		return once
	}
	t.Cleanup(func() { _ = stop() })
	return member, web, stop
}

func ready(t *testing.T, n *membership.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	_, err := n.Ready(ctx)
	require.NoError(t, err)
}

func ask(t *testing.T, web, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", web)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}

func TestConnectionsGoToMembers(t *testing.T) {
	member, web, stop := start(t)
	nodes := map[string]*membership.Node{"one ": nil, "two ": nil}
	for name := range nodes {
		nodes[name] = server(t, name[:3], member)
		ready(t, nodes[name])
	}
	seen := map[string]bool{}
	for range 20 {
		seen[ask(t, web, "words")] = true
	}
	require.Equal(t, map[string]bool{"one words": true, "two words": true}, seen, "both ways, and each direction ends by itself")

	open, err := net.Dial("tcp", web)
	require.NoError(t, err)
	defer open.Close()
	name := make([]byte, 4)
	_, err = io.ReadFull(open, name)
	require.NoError(t, err)
	report, err := nodes[string(name)].Leave(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Confirmed, 1)
	for range 10 {
		require.NotContains(t, ask(t, web, "words"), string(name), "who has left gets nothing new")
	}
	_, err = io.WriteString(open, "still here")
	require.NoError(t, err)
	require.NoError(t, open.(*net.TCPConn).CloseWrite())
	rest, err := io.ReadAll(open)
	require.NoError(t, err)
	require.Equal(t, "still here", string(rest), "a connection stays until it ends")

	last, err := net.Dial("tcp", web)
	require.NoError(t, err)
	defer last.Close()
	_, err = io.ReadFull(last, name)
	require.NoError(t, err)
	require.NoError(t, stop(), "it ends although a connection is open")
	_, err = io.ReadAll(last)
	require.NoError(t, err)
}

func TestNobodyThereClosesTheConnection(t *testing.T) {
	_, web, _ := start(t)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", web)
		if err != nil {
			return false // it does not listen yet
		}
		defer conn.Close()
		n, err := conn.Read(make([]byte, 1))
		return n == 0 && err != nil
	}, 15*time.Second, 10*time.Millisecond)
}

func TestBadFlagsNameThemselves(t *testing.T) {
	for flagName, args := range map[string][]string{
		"-manage":    {},
		"-advertise": {"-manage", "d"},
		"-wka":       {"-manage", "d", "-advertise", "127.0.0.1:4000"},
		"-listen":    {"-manage", "d", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-listen", "x"},
		"-drain":     {"-manage", "d", "-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-listen", ":1", "-drain", "-1s"},
	} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		require.ErrorContains(t, err, flagName)
		require.Equal(t, program.ExitUsage, program.Status("tcpproxy", err, io.Discard))
	}
}
