package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport/tribes"
)

// led starts a node that gets to another address when it dials one, as through
// port forwarding or a firewall on the way there alone.
func led(t *testing.T, from, to string) string {
	t.Helper()
	return member(t, func(c *membership.Config) {
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == from {
				address = to
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	})
}

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for conn, err := ln.Accept(); err == nil; conn, err = ln.Accept() {
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return ln.Addr().String()
}

// A node reaches us here, and we do not reach it, or somebody else.
func TestTheDoctorFindsThatThereIsNoWayBack(t *testing.T) {
	taken := member(t, nil)
	for name, c := range map[string]struct {
		to   string
		says []string
	}{
		"into a closed port": {free(t), []string{"cannot dial", "back (refused", "both ways"}},
		"into silence":       {silent(t), []string{"cannot dial", "back (silent", "both ways"}},
		"to another member":  {taken, []string{"another process answers at", "advertise an address of this machine alone"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := free(t)
			began := time.Now()
			code, said := call(t, "doctor", "-wka", led(t, here, c.to), "-advertise", here)
			require.Equal(t, 19, code, said)
			for _, says := range c.says {
				require.Contains(t, said, says)
			}
			require.Less(t, time.Since(began), 10*time.Second)
		})
	}
}

// A node runs already where one is to be.
func TestTheDoctorFindsAnAddressThatIsTaken(t *testing.T) {
	taken := member(t, nil)
	code, said := call(t, "doctor", "-wka", member(t, nil), "-advertise", taken)
	require.Equal(t, 19, code, said)
	require.Contains(t, said, "cannot listen on "+taken)
}

// 192.0.2.1 is nobody's: here it is the address outside of a port that is mapped.
func TestTheDoctorListensWhereAMappedPortEnds(t *testing.T) {
	inside := free(t)
	asked := led(t, "192.0.2.1:4100", inside)
	code, said := call(t, "doctor", "-wka", asked, "-advertise", "192.0.2.1:4100")
	require.Equal(t, 19, code, said)
	require.Contains(t, said, "give -listen where that ends")
	code, said = call(t, "doctor", "-wka", asked, "-advertise", "192.0.2.1:4100", "-listen", inside)
	require.Zero(t, code, said)
	code, said = call(t, "doctor", "-wka", asked, "-advertise", "192.0.2.1")
	require.Equal(t, 2, code, said)
	require.Contains(t, said, "-advertise")
	code, said = call(t, "doctor", "-wka", asked, "-listen", inside)
	require.Equal(t, 2, code, said)
}

func TestTheDoctorEndsAtABlackHole(t *testing.T) {
	t.Parallel()
	began := time.Now()
	code, said := call(t, "doctor", "-wka", silent(t))
	require.Equal(t, 12, code, said)
	require.Contains(t, said, "its process is stopped")
	require.Less(t, time.Since(began), 10*time.Second)
}

// The members of the Java implementation speak another protocol.
func TestTheDoctorFindsAJavaMember(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	java, err := tribes.New(tribes.Config{Listener: ln})
	require.NoError(t, err)
	defer java.Close()
	began := time.Now()
	code, said := call(t, "doctor", "-wka", ln.Addr().String())
	require.Equal(t, 12, code, said)
	require.Contains(t, said, "a Java member's?")
	require.Less(t, time.Since(began), 10*time.Second)
}
