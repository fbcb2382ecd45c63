package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/gateway"
	"github.com/gotribes/tribes/examples/internal/members"
	"github.com/gotribes/tribes/membership"
)

// recorded makes a front that tells of requests that are over, and what gives the
// next of them.
func recorded(t *testing.T) (*front, func() gateway.Record) {
	t.Helper()
	records := make(chan gateway.Record, 16)
	f := newFront(t, gateway.Options{Over: func(r *gateway.Record) { records <- *r }}, members.Options{})
	return f, func() gateway.Record {
		t.Helper()
		select {
		case r := <-records:
			require.Empty(t, records, "one for each request")
			return r
		case <-time.After(bound):
			require.FailNow(t, "nothing was told of the request")
			return gateway.Record{}
		}
	}
}

func TestRecordsOfRequestsThatAreAnswered(t *testing.T) {
	f, next := recorded(t)
	f.all.set("d", backend(t, 1, says("one")))
	f.ask("POST", "d.test", "/a?b", "body")
	r := next()
	require.False(t, r.Fault)
	require.Equal(t, []string{"POST", "d.test", "/a", "HTTP/1.1", "d"}, []string{r.Method, r.Host, r.Path, r.Proto, r.Domain})
	require.Equal(t, http.StatusOK, r.Status)
	require.EqualValues(t, len("one body"), r.Bytes)
	require.Equal(t, membership.ID{1}, r.Member)
	require.NotEmpty(t, r.Address)
	require.Equal(t, 1, r.Tries)
	require.Positive(t, r.FirstByte)
	require.LessOrEqual(t, r.FirstByte, r.Took)

	f.all.set("d", refusing(t, 2), backend(t, 3, says("three")))
	for range 2 { // the first or the second one meets who refuses
		f.ask("GET", "d.test", "/", "")
		r = next()
		require.Equal(t, membership.ID{3}, r.Member, "the last that was asked")
		require.False(t, r.Fault, "somebody has answered")
		if r.Tries == 2 {
			return
		}
	}
	require.Equal(t, 2, r.Tries)
}

func TestRecordsOfRequestsThatReachNobody(t *testing.T) {
	f, next := recorded(t)
	f.ask("GET", "other.test", "/", "")
	r := next()
	require.Equal(t, http.StatusNotFound, r.Status)
	require.Empty(t, r.Domain)
	require.False(t, r.Fault, "it is the client's mistake")

	f.ask("GET", "d.test", "/", "")
	r = next()
	require.Equal(t, http.StatusServiceUnavailable, r.Status)
	require.Equal(t, "d", r.Domain)
	require.Equal(t, membership.ID{}, r.Member)
	require.True(t, r.Fault)

	f.all.set("d", raw(t, 1, func(conn net.Conn, _ *bufio.Reader) { io.WriteString(conn, "garbage\r\n\r\n") }))
	f.ask("POST", "d.test", "/", "x")
	r = next()
	require.Equal(t, http.StatusBadGateway, r.Status)
	require.Equal(t, membership.ID{1}, r.Member)
	require.True(t, r.Fault)
}

// The header said 200 long before the member broke off.
func TestRecordsOfAnswersThatBreakOff(t *testing.T) {
	f, next := recorded(t)
	f.all.set("d", raw(t, 1, func(conn net.Conn, _ *bufio.Reader) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
	}))
	conn, _ := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: d.test\r\n\r\n")
	_, _ = io.Copy(io.Discard, conn) // until the gateway breaks off too
	r := next()
	require.Equal(t, http.StatusOK, r.Status)
	require.EqualValues(t, len("some"), r.Bytes)
	require.True(t, r.Fault)
}

func TestWhenTheClientLeavesNobodyIsAtFault(t *testing.T) {
	f, next := recorded(t)
	f.all.set("d", backend(t, 1, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	conn, r := f.dial()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: d.test\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, err = io.ReadFull(resp.Body, make([]byte, len("some")))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	record := next()
	require.Equal(t, http.StatusOK, record.Status)
	require.False(t, record.Fault)
}

func TestRecordsOfUpgradesComeAtTheirEnd(t *testing.T) {
	f, next := recorded(t)
	conn, r := f.upgrade()
	said := time.Now()
	io.WriteString(conn, "words\n")
	_, err := r.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	record := next()
	require.Equal(t, http.StatusSwitchingProtocols, record.Status)
	require.Equal(t, membership.ID{1}, record.Member)
	require.False(t, record.Fault)
	require.GreaterOrEqual(t, record.Took, said.Sub(record.Began), "it lasts as long as the connection")
	require.Less(t, record.FirstByte, record.Took)
}
