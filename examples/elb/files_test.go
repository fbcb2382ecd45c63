package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/program"
)

func TestFilesOfTheArticleAreEnough(t *testing.T) {
	s, err := parse([]string{"-conf", "../testdata/loadbalancer-article.conf", "-axis2", "../testdata/axis2-elb.xml"}, io.Discard)
	require.NoError(t, err)
	cfg := s.config()
	require.Equal(t, "wso2.carbon.lb.domain", cfg.Domain)
	require.Equal(t, "127.0.0.1:4000", cfg.Advertise)
	require.Equal(t, []string{"127.0.0.1:4000"}, []string(cfg.WellKnown), "it starts alone")
	require.Equal(t, []string{"wso2.is.domain"}, cfg.Manage)
	require.Equal(t, ":8290", s.http)
	require.Equal(t, ":8243", s.https)
	require.Equal(t, filepath.FromSlash("repository/resources/security/server.p12"), s.stores[0].File)
	require.Equal(t, "changeit", s.stores[0].Password)
	_, err = load(s)
	require.ErrorContains(t, err, "server.p12", "a keystore that is not there is an error at start")
	require.Equal(t, program.ExitUsage, program.Status("elb", err, io.Discard))
}

func TestFlagsCountOverFiles(t *testing.T) {
	s, err := parse([]string{"-conf", "../testdata/loadbalancer.conf", "-axis2", "../testdata/axis2-elb.xml",
		"-carbon", "../testdata/carbon-node1.xml",
		"-http", "127.0.0.1:1", "-manage", "*", "-hosts", "esb.example.test=other", "-session-timeout", "1m", "-home", "/opt"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", s.http, "what stands on the command line is not shifted")
	require.Equal(t, ":8248", s.https, "8243 and the offset of 5")
	require.Equal(t, "127.0.0.1:4000", s.advertise, "the member port is not shifted")
	require.Equal(t, time.Minute, s.sessionTimeout)
	require.Equal(t, filepath.FromSlash("/opt/repository/resources/security/server.p12"), s.stores[0].File)
	require.Len(t, s.routes, 3, "the two routes of the bus have no host of their own left")
	require.Equal(t, "other", s.routes[0].Domain)

	s, err = parse([]string{"-manage", "d", "-carbon", "../testdata/carbon-node1.xml",
		"-axis2", "../testdata/axis2-elb.xml", "-offset-member"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:4005", s.advertise, "unless it is asked for")
	s, err = parse([]string{"-manage", "d", "-offset", "7", "-advertise", "127.0.0.1:1", "-wka", "127.0.0.1:1"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, ":8297", s.http, "an offset on the command line shifts the default")
}

func TestEverySettingIsPrintedWithItsSource(t *testing.T) {
	s, err := parse([]string{"-conf", "../testdata/loadbalancer.conf", "-axis2", "../testdata/axis2-elb.xml",
		"-carbon", "../testdata/carbon-node1.xml",
		"-name", "lb"}, io.Discard)
	require.NoError(t, err)
	var out bytes.Buffer
	s.print(&out)
	lines := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		lines[strings.Join(strings.Fields(line), " ")] = true
	}
	for _, want := range []string{
		"name = lb # the command line",
		"http = :8295 # ../testdata/axis2-elb.xml:5 + offset 5 (../testdata/carbon-node1.xml:6)",
		"advertise = 127.0.0.1:4000 # ../testdata/axis2-elb.xml:22",
		"manage = wso2.is.domain,wso2.esb.gold.domain,wso2.esb.domain # ../testdata/loadbalancer.conf",
		"session-timeout = 1m30s # ../testdata/loadbalancer.conf:8",
		"sticky = learn # default",
		"route: is.example.test,login.example.test tenants * -> wso2.is.domain (worker) # ../testdata/loadbalancer.conf:26",
		"route: esb.example.test tenants 1-100 -> wso2.esb.gold.domain # ../testdata/loadbalancer.conf:42",
		"route: esb.example.test tenants * -> wso2.esb.domain # ../testdata/loadbalancer.conf:45",
		"# ../testdata/loadbalancer.conf:5:5: enable_autoscaler is not used: there is no autoscaler here",
		"# ../testdata/axis2-elb.xml:19:9: AvoidInitiation is not used: a member joins when its program starts",
	} {
		require.Contains(t, lines, want)
	}
	require.NotContains(t, out.String(), "changeit", "passwords are not printed")
}

// What is printed is a value that, given again, means the same: 30m would not,
// since a cookie of our own has an end then.
func TestTheSessionTimeoutIsPrintedWithWhatItMeans(t *testing.T) {
	const means = ": sessions that were learned are remembered for 30m0s, a cookie of our own ends with the browser"
	args := []string{"-manage", "d", "-advertise", "127.0.0.1:1", "-wka", "127.0.0.1:1"}
	for want, given := range map[string][]string{
		"session-timeout = 0s # default" + means:          nil,
		"session-timeout = 0s # the command line" + means: {"-session-timeout", "0"},
		"session-timeout = 1m0s # the command line":       {"-session-timeout", "1m"},
	} {
		s, err := parse(append(given, args...), io.Discard)
		require.NoError(t, err)
		var out bytes.Buffer
		s.print(&out)
		var line string
		for l := range strings.Lines(out.String()) {
			if strings.HasPrefix(l, "session-timeout ") {
				line = strings.Join(strings.Fields(l), " ")
			}
		}
		require.Equal(t, want, line)
		again, err := parse(append([]string{"-session-timeout", strings.Fields(line)[2]}, args...), io.Discard)
		require.NoError(t, err)
		require.Equal(t, s.sessionTimeout, again.sessionTimeout)
	}
}

func TestMistakesInFilesEndWithStatus2(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	good := []string{"-advertise", "127.0.0.1:4000", "-wka", "127.0.0.1:4000", "-manage", "d"}
	for want, args := range map[string][]string{
		"did you mean \"services\"?":    {"-conf", write("a.conf", "service { }")},
		"no such file":                  {"-conf", filepath.Join(dir, "none")},
		"want wka":                      {"-axis2", write("a.xml", "<axisconfig><clustering/></axisconfig>")},
		"want a whole number from 0":    {"-carbon", write("c.xml", "<Server><Ports><Offset>x</Offset></Ports></Server>")},
		"want \"name number\"":          {"-tenants", write("t", "a b c")},
		"more than 65535":               {"-offset", "60000"},
		"want at least 0":               {"-offset", "-1"},
		`-manage "d": want the domain`:  {"-conf", "../testdata/loadbalancer-article.conf"},
		"-cert is not set":              {"-https", ":8243"},
		"-sticky-keys is not set":       {"-sticky", "both"},
		`-sticky "on": want`:            {"-sticky", "on"},
		`-members "ssl": want`:          {"-members", "ssl"},
		`-trust "x": want an address`:   {"-trust", "x"},
		"-members-insecure; want one":   {"-members-insecure", "-members-ca", "x"},
		`-https "8243": want host:port`: {"-https", "8243"},
	} {
		_, err := parse(append(args, good...), io.Discard)
		require.ErrorContains(t, err, want)
		require.Equal(t, program.ExitUsage, program.Status("elb", err, io.Discard), "%v", err)
	}
}

func TestTrustTakesAddressesAndNetworks(t *testing.T) {
	s, err := parse([]string{"-manage", "d", "-advertise", "127.0.0.1:1", "-wka", "127.0.0.1:1", "-trust", "10.0.0.1, " +
		"fd00::/8"}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1/32", s.trusted[0].String())
	require.Equal(t, "fd00::/8", s.trusted[1].String())
}
