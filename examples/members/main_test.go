package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/freeport"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/transport"
	"github.com/gotribes/tribes/wka"
)

// member starts a node of domain d and returns its address.
func member(t *testing.T, change func(c *membership.Config)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := membership.Config{Domain: "d", Name: "one", Listener: ln, WellKnown: wka.List{ln.Addr().String()},
		Properties: map[string]string{"bad": "\x1b[31m<b>"}}
	if change != nil {
		change(&c)
	}
	n, err := membership.Start(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = n.Close() })
	return ln.Addr().String()
}

func free(t *testing.T) string { return freeport.Address(t) }

func keyFile(t *testing.T, k transport.Key) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(k.Text()+"\n"), 0o600))
	return path
}

// call runs the program and returns its exit status and what it has said.
func call(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, log bytes.Buffer
	code := status(run(t.Context(), args, &out, &log), &log)
	return code, out.String() + log.String()
}

func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	good := member(t, nil)
	key := transport.NewKey()
	locked := member(t, func(c *membership.Config) { c.Keys = []transport.Key{key} })
	slow := member(t, func(c *membership.Config) { c.HeartbeatInterval, c.MemberDropTime = 2*time.Second, 20*time.Second })
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	old, err := transport.New(transport.Config{Cluster: "default"})
	require.NoError(t, err)
	defer old.Close()
	oldListener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = old.Serve(oldListener, func(l *transport.Link) { _ = l.Close() }) }()
	// A refusal as a node of protocol version 2 sends it: kind 3, code 1, a text.
	later, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer later.Close()
	go func() {
		for conn, err := later.Accept(); err == nil; conn, err = later.Accept() {
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte{0, 0, 0, 8, 3, 0x82, 1, 1, 2, 0xa2, 'v', '2'})
			_ = conn.Close()
		}
	}()
	one := func(address string, more ...string) []string {
		return append([]string{"doctor", "-wka", address}, more...)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":                  {one(good, "-domain", "d", "-advertise", free(t)), 0, "all is well"},
		"nothing, with a key":      {one(locked, "-key-file", keyFile(t, key), "-advertise", free(t)), 0, "all is well"},
		"a name":                   {one("no.such.host.invalid:4000"), 10, "does not resolve"},
		"a closed port":            {one(free(t)), 11, "not reachable"},
		"an HTTP server":           {one(web.Listener.Addr().String()), 12, "something else answers"},
		"another cluster":          {one(good, "-cluster", "other"), 13, "-cluster"},
		"a key that is missing":    {one(locked), 14, "a key is needed"},
		"another key":              {one(locked, "-key-file", keyFile(t, transport.NewKey())), 14, "the key is another one"},
		"a key that is too much":   {one(good, "-key-file", keyFile(t, key)), 14, "no key is needed"},
		"a later version":          {one(later.Addr().String()), 15, "upgrade the older side"},
		"a node without answers":   {one(oldListener.Addr().String()), 16, "too old"},
		"times that do not agree":  {one(slow), 17, "heartbeat 2s and drop time 20s there"},
		"a domain that is not his": {one(good, "-domain", "e"), 18, `takes part in "d" as member`},
	} {
		t.Run(name, func(t *testing.T) {
			code, said := call(t, c.args...)
			require.Equal(t, c.code, code, said)
			require.Contains(t, said, c.says)
		})
	}
}

// The asked node reaches another than who listens here: port forwarding that
// leads astray is like this, seen from the doctor.
func TestTheDoctorFindsAnAddressThatCannotBeDialledBack(t *testing.T) {
	// It dials back into nowhere, as through a firewall that lets one way pass.
	blocked := free(t)
	oneWay, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e, err := transport.New(transport.Config{Cluster: "default", Asked: func(l *transport.Link) {
		l.Start(func([]byte) error {
			// Dialed: 1 silent, 5 a text.
			return l.Send([]byte{35, 0x82, 1, 3, 5, 0xa4, 'n', 'o', 'n', 'e'})
		}, func(error) {})
	}})
	require.NoError(t, err)
	defer e.Close()
	go func() { _ = e.Serve(oneWay, func(l *transport.Link) { _ = l.Close() }) }()
	code, said := call(t, "doctor", "-wka", oneWay.Addr().String(), "-advertise", blocked)
	require.Equal(t, 19, code, said)
	require.Contains(t, said, "cannot dial "+blocked+" back (silent")
	require.Contains(t, said, "both ways")
}

func TestTheViewIsPrintedAndSafeForATerminal(t *testing.T) {
	address := member(t, nil)
	code, said := call(t, "-wka", address, "-domain", "d")
	require.Zero(t, code, said)
	require.Contains(t, said, "1 members")
	require.Contains(t, said, "?[31m<b>")
	require.NotContains(t, said, "\x1b")
	code, said = call(t, "-wka", address, "-domain", "d", "-json")
	require.Zero(t, code)
	require.Contains(t, said, `"Address":"`+address+`"`)
	code, said = call(t, "why", address, "-wka", address, "-domain", "d")
	require.Zero(t, code, said)
	require.Contains(t, said, "memberAdded joined")
	code, said = call(t, "why", "nobody", "-wka", address, "-domain", "d")
	require.Equal(t, 1, code)
	require.Contains(t, said, "does not know")
	code, said = call(t, "-domain", "d")
	require.Equal(t, 2, code)
	require.Equal(t, 1, strings.Count(said, "\n"))
}
