package upstream

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// asked is a transport that notes where requests went. Some addresses cannot be
// reached, some take too long.
type asked struct {
	down, slow string
	at         []string
}

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.at = append(a.at, r.URL.Host)
	switch {
	case strings.Contains(a.down, r.URL.Host):
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	case strings.Contains(a.slow, r.URL.Host):
		return nil, os.ErrDeadlineExceeded
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

// byHeader is a pool whose requests say in a header whom they want, and by their
// scheme which port.
func byHeader(t *testing.T) *Pool {
	t.Helper()
	p, err := New(Static("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"), Options{
		Want: func(r *http.Request) Want {
			var w Want
			for id, m := range members(r.Header.Get("Members")) {
				if m == r.Header.Get("Prefer") {
					w.Member = id
				}
				if m == r.Header.Get("Avoid") {
					w.Avoid = append(w.Avoid, id)
				}
			}
			return w
		},
		Aim: func(r *http.Request, m membership.Member) {
			if r.Header.Get("Port") != "" {
				host, _, _ := net.SplitHostPort(m.Address) // of Static
				r.URL.Host = net.JoinHostPort(host, r.Header.Get("Port"))
			}
		},
	})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// members are those of addresses with blanks between.
func members(addresses string) map[membership.ID]string {
	out := map[membership.ID]string{}
	for m := range Static(strings.Fields(addresses)...).(static).view.All() {
		out[m.ID] = m.Address
	}
	return out
}

func TestWantAndAim(t *testing.T) {
	p := byHeader(t)
	ask := func(base *asked, header ...string) error {
		r, err := http.NewRequest(http.MethodGet, "http://any/", nil)
		require.NoError(t, err)
		r.Header.Set("Members", "10.0.0.1:1 10.0.0.2:1 10.0.0.3:1")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		_, err = p.Transport(base).RoundTrip(r)
		require.Equal(t, "any", r.URL.Host, "the request of the caller stays as it is")
		return err
	}
	base := &asked{}
	for range 6 {
		require.NoError(t, ask(base, "Prefer", "10.0.0.2:1", "Port", "80"))
	}
	require.Equal(t, strings.Fields(strings.Repeat("10.0.0.2:80 ", 6)), base.at)
	base = &asked{}
	for range 6 {
		require.NoError(t, ask(base, "Avoid", "10.0.0.2:1"))
	}
	require.Len(t, base.at, 6)
	require.NotContains(t, base.at, "10.0.0.2:1")
	base = &asked{down: "10.0.0.1:1 10.0.0.3:1"}
	err := ask(base, "Avoid", "10.0.0.2:1")
	_, empty := errors.AsType[*EmptyError](err)
	require.True(t, empty, "%v", err)
	require.ElementsMatch(t, []string{"10.0.0.1:1", "10.0.0.3:1"}, base.at, "who is to be avoided stays so when it is tried again")
}

func TestWhatTookTooLongIsNotRepeated(t *testing.T) {
	p := byHeader(t)
	base := &asked{slow: "10.0.0.1:1 10.0.0.2:1 10.0.0.3:1"}
	r, err := http.NewRequest(http.MethodGet, "http://any/", nil)
	require.NoError(t, err)
	_, err = p.Transport(base).RoundTrip(r)
	broken, sent := errors.AsType[*FailedError](err)
	require.True(t, sent)
	require.Contains(t, broken.Reason, "took too long")
	require.Len(t, base.at, 1)
}

// Options.Address takes the place of the port property.
func TestAddressOption(t *testing.T) {
	list := []membership.Member{
		membership.Member{ID: membership.ID{1}, Address: "10.0.0.1:4000", State: membership.Alive}.
			WithProperties(map[string]string{"at": "10.1.1.1:80"}),
		{ID: membership.ID{2}, Address: "10.0.0.2:4000", State: membership.Alive},
	}
	p, err := New(once{static{membership.MakeView("d", 1, list)}}, Options{
		Address: func(m membership.Member) string { return m.Property("at") },
	})
	require.NoError(t, err)
	defer p.Close()
	servers, _ := p.Servers()
	require.Len(t, servers, 1, "who has none is left out")
	require.Equal(t, "10.1.1.1:80", servers[0].Address)
}

// once is a group that is not one of Static.
type once struct{ static }
