package program_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/program"
)

func TestShutdownLetsRequestsEnd(t *testing.T) {
	s, err := program.Listen("http", "127.0.0.1:0")
	require.NoError(t, err)
	defer s.Close()
	require.NotEqual(t, "0", s.Port())
	begun, goOn := make(chan struct{}), make(chan struct{})
	s.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		io.WriteString(w, "done")
	}))
	answer := make(chan string)
	go func() {
		resp, err := http.Get("http://" + s.Addr())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body) // what is missing is seen below
		answer <- string(body)
	}()
	<-begun
	down := make(chan struct{})
	go func() {
		s.Shutdown()
		close(down)
	}()
	close(goOn)
	require.Equal(t, "done", <-answer)
	<-down
	_, err = http.Get("http://" + s.Addr())
	require.Error(t, err, "the port is closed")
	select {
	case err := <-s.Failed():
		require.NoError(t, err, "an end on purpose is no failure")
	default:
	}
}

func TestTakenAddressNamesTheFlag(t *testing.T) {
	s, err := program.Listen("http", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = program.Listen("admin", s.Addr())
	require.ErrorContains(t, err, `-admin "`+s.Addr()+`"`)
	s.Close() // without Serve
	again, err := program.Listen("admin", s.Addr())
	require.NoError(t, err, "Close frees the port, served or not")
	again.Close()
}

func TestNilServerDoesNothing(t *testing.T) {
	var s *program.HTTPServer
	s.Serve(http.NotFoundHandler())
	require.Nil(t, s.Failed())
	s.Shutdown()
	s.Close()
}
