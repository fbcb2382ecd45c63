package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

// need are the flags without a default.
var need = []string{"-domain", "d", "-advertise", "127.0.0.1:4100", "-wka", "127.0.0.1:4000, 127.0.0.1:4001", "-http", "127.0.0.1:9763"}

func TestFlagsBecomeAConfig(t *testing.T) {
	more := []string{"-name", "one", "-cluster", "blue", "-sub-domain", "mgt", "-property", "zone=a", "-insecure"}
	s, err := parse(append(more, need...), io.Discard)
	require.NoError(t, err)
	properties, err := s.published("9763", "")
	require.NoError(t, err)
	cfg := s.config(properties)
	require.Equal(t, "d", cfg.Domain)
	require.Equal(t, "mgt", cfg.SubDomain)
	require.Equal(t, "blue", cfg.Cluster)
	require.Equal(t, "one", cfg.Name)
	require.Equal(t, "127.0.0.1:4100", cfg.Advertise)
	require.Equal(t, wka.List{"127.0.0.1:4000", "127.0.0.1:4001"}, cfg.WellKnown)
	require.Equal(t, map[string]string{"httpPort": "9763", "zone": "a"}, cfg.Properties)
	require.True(t, cfg.Insecure)
}

func TestPublishedPortMayBeSet(t *testing.T) {
	s, err := parse(append([]string{"-property", "httpPort=80"}, need...), io.Discard)
	require.NoError(t, err)
	properties, err := s.published("9763", "9443")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"httpPort": "80", "httpsPort": "9443"}, properties, "as behind a port mapping")
}

func TestListenerErrorsNameTheFlagThatWasUsed(t *testing.T) {
	require.Equal(t, "advertise", (&settings{}).flagOf()["Listener"])
	require.Equal(t, "listen", (&settings{listen: ":4100"}).flagOf()["Listener"])
}
