package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

func TestFlagsBecomeAConfig(t *testing.T) {
	s, err := parse([]string{"-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000,127.0.0.1:4001", "-manage", "a,b",
		"-hosts", "a.test=a,b.test=b", "-cluster", "blue", "-name", "lb"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, ":8290", s.http, "the port of the original set-up")
	cfg := s.config()
	require.Equal(t, "wso2.carbon.lb.domain", cfg.Domain, "the domain of the original set-up")
	require.Equal(t, []string{"a", "b"}, cfg.Manage)
	require.Equal(t, "127.0.0.1:4000", cfg.Advertise)
	require.Equal(t, wka.List{"127.0.0.1:4000", "127.0.0.1:4001"}, cfg.WellKnown)
	require.Equal(t, "blue", cfg.Cluster)
	require.Equal(t, "lb", cfg.Name)
	require.Empty(t, s.admin, "views are shown only where somebody asks for it")
}
