package transport

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatErrorsProve(t *testing.T) {
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	sys := func(e syscall.Errno) error { return op(os.NewSyscallError("connect", e)) }
	for _, c := range []struct {
		err  error
		want Failure
	}{
		{nil, FailureNone},
		{sys(syscall.ECONNREFUSED), FailureRefused},
		{sys(syscall.ECONNRESET), FailureReset},
		{sys(syscall.ECONNABORTED), FailureReset},
		{sys(syscall.EPIPE), FailureReset},
		{fmt.Errorf("x: %w", io.EOF), FailureReset},
		{io.ErrUnexpectedEOF, FailureReset},
		{sys(syscall.ETIMEDOUT), FailureSilent},
		{op(os.ErrDeadlineExceeded), FailureSilent},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), FailureSilent},
		{fmt.Errorf("%w: x", ErrSlowPeer), FailureSilent},
		{sys(syscall.EMFILE), FailureLocal},
		{sys(syscall.EADDRNOTAVAIL), FailureLocal},
		{sys(syscall.ENETUNREACH), FailureLocal},
		{sys(syscall.EHOSTUNREACH), FailureLocal},
		{op(&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}), FailureLocal},
		{op(&net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}), FailureLocal},
		{errors.New("who knows"), FailureLocal},
		{&RefusedError{Code: CodeCluster}, FailureRejected},
		{&RefusedError{Code: CodeMalformed}, FailureMalformed},
		{&frameError{}, FailureMalformed},
		{notTribes("x", io.EOF), FailureReset},
		{context.Canceled, FailureClosed},
		{op(net.ErrClosed), FailureClosed},
		{fmt.Errorf("x: %w", ErrClosed), FailureClosed},
	} {
		require.Equal(t, c.want, FailureOf(c.err), "%v", c.err)
	}
}

func TestARealRefusedConnect(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	e, err := New(Config{})
	require.NoError(t, err)
	defer e.Close()
	_, err = e.Dial(context.Background(), ln.Addr().String(), ID{})
	require.Equal(t, FailureRefused, FailureOf(err), "%v", err)
	require.ErrorContains(t, err, ln.Addr().String())
}

func TestConfigsThatCannotWork(t *testing.T) {
	for says, cfg := range map[string]Config{
		"Config.Cluster":                               {Cluster: strings.Repeat("c", 256)},
		"Config.Advertise":                             {Advertise: "\xff"},
		"Config.Key: 3 bytes":                          {Key: ed25519.PrivateKey("abc")},
		"Config.HeartbeatInterval: -1ns":               {HeartbeatInterval: -1},
		"Config.HeartbeatInterval: 2h0m0s":             {HeartbeatInterval: 2 * time.Hour},
		"Config.DropTime: 1s is not from 2s":           {DropTime: time.Second},
		"Config.DropTime: 25h0m0s":                     {DropTime: 25 * time.Hour},
		"Config.HandshakeTimeout: -1s is not over 0":   {HandshakeTimeout: -time.Second},
		"Config.MaxPending: -1 is not over 0":          {MaxPending: -1},
		"Config.QueueBytes: -1 is not over 0":          {QueueBytes: -1},
		"Config.HeartbeatInterval: 2562047h47m16.854s": {HeartbeatInterval: (1<<63 - 1) / time.Millisecond * time.Millisecond},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, says)
	}
}

func TestDefaultsGoTogether(t *testing.T) {
	for beat, drop := range map[time.Duration]time.Duration{0: 3 * time.Second, time.Second: 6 * time.Second, time.Hour: 6 * time.Hour} {
		c, err := Config{HeartbeatInterval: beat}.complete()
		require.NoError(t, err)
		require.Equal(t, drop, c.DropTime)
		require.Equal(t, drop, c.WriteTimeout)
	}
	a, err := New(Config{})
	require.NoError(t, err)
	b, err := New(Config{})
	require.NoError(t, err)
	require.NotEqual(t, a.ID(), b.ID(), "each has a key of its own")
}
