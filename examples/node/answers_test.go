package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

func self() membership.Member {
	return membership.Member{ID: membership.ID{0xab}, Name: "one", Domain: "d", Address: "127.0.0.1:4100", SubDomain: "worker"}
}

func ask(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	answers(self, redirects{}, newSessions(self)).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestRootSaysWhoItIs(t *testing.T) {
	status, body := ask(t, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, http.StatusOK, status)
	var id identity
	require.NoError(t, json.Unmarshal([]byte(body), &id))
	require.Equal(t, identity{Name: "one", Address: "127.0.0.1:4100", Domain: "d", SubDomain: "worker",
		ID: "ab" + strings.Repeat("0", 30), PID: os.Getpid()}, id)
	status, _ = ask(t, httptest.NewRequest(http.MethodGet, "/other", nil))
	require.Equal(t, http.StatusNotFound, status)
}

func TestSlowTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		status, body := ask(t, httptest.NewRequest(http.MethodGet, "/slow?ms=1500", nil))
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, `"name":"one"`)
		require.Equal(t, 1500*time.Millisecond, time.Since(begun))
	})
	for _, ms := range []string{"", "x", "-1", "600001", "1.5"} {
		status, body := ask(t, httptest.NewRequest(http.MethodGet, "/slow?ms="+ms, nil))
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, body, `ms="`+ms+`"`)
	}
}

func TestEchoIsTheRequest(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/echo?a=b", strings.NewReader("words"))
	r.Header.Set("X-Test", "yes")
	status, body := ask(t, r)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "POST /echo?a=b HTTP/1.1\r\n")
	require.Contains(t, body, "X-Test: yes\r\n")
	require.True(t, strings.HasSuffix(body, "\r\n\r\nwords"))

	status, _ = ask(t, httptest.NewRequest(http.MethodPost, "/echo", io.LimitReader(zeros{}, maxEcho+1)))
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
