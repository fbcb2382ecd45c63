package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/wka"
)

var article = []string{"-axis2", "../testdata/axis2-node1.xml", "-carbon", "../testdata/carbon-node1.xml"}

func TestFilesOfTheArticleAreEnough(t *testing.T) {
	s, err := parse(article, io.Discard)
	require.NoError(t, err)
	require.Equal(t, ":9768", s.http, "9763 and the offset of 5")
	require.Equal(t, ":9448", s.https)
	properties, err := s.published("9768", "9448")
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"httpPort": "9768", "httpsPort": "9448", "port.mapping.8290": "9768",
		"backendServerURL": "https://127.0.0.1:9448/services/", "mgtConsoleURL": "https://127.0.0.1:9448/",
	}, properties)
	require.Empty(t, astray(properties, "9768", "9448"))
	require.Equal(t, []string{"port.mapping.8290=9768"}, astray(properties, "9763", "9443"),
		"a mapping that was not shifted by hand is noticed")
	cfg := s.config(properties)
	require.Equal(t, "wso2.is.domain", cfg.Domain)
	require.Equal(t, "worker", cfg.SubDomain)
	require.Equal(t, "127.0.0.1:4100", cfg.Advertise, "the member port is not shifted")
	require.Equal(t, wka.List{"127.0.0.1:4000"}, cfg.WellKnown)
	require.Equal(t, 8290, s.proxyPort)
	require.Equal(t, 8243, s.proxyPortTLS)
	require.Equal(t, "identity.example.test", s.hostName)
}

func TestFlagsCountOverFiles(t *testing.T) {
	s, err := parse(append([]string{"-http", "127.0.0.1:1", "-offset-member", "-sub-domain", "mgt", "-property", "port.mapping.8290=1"},
		article...), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", s.http)
	require.Equal(t, "127.0.0.1:4105", s.advertise)
	require.Equal(t, "mgt", s.subDomain)
	properties, err := s.published("1", "2")
	require.NoError(t, err)
	require.Equal(t, "1", properties["port.mapping.8290"])
}

func TestEverySettingIsPrintedWithItsSource(t *testing.T) {
	s, err := parse(article, io.Discard)
	require.NoError(t, err)
	var out bytes.Buffer
	s.print(&out)
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"http = :9768 # ../testdata/axis2-node1.xml:6 + offset 5 (../testdata/carbon-node1.xml:6)",
		"proxy-port = 8290 # ../testdata/axis2-node1.xml:7",
		"publish: mgtConsoleURL=https://${hostName}:${httpsPort}/ # ../testdata/axis2-node1.xml:29",
		"# ../testdata/axis2-node1.xml:19:9: mcastAddress is not used: members are found through well-known addresses, not by multicast",
	} {
		require.Contains(t, text, want)
	}
}

func TestRedirectsNameTheBalancer(t *testing.T) {
	for _, c := range []struct {
		d           redirects
		asked, want string
	}{
		{redirects{hostName: "id.test", proxyPort: 8290, ownPort: "9768"}, "x:1", "http://id.test:8290/a?b=c"},
		{redirects{secure: true, hostName: "id.test", proxyPort: 443}, "x", "https://id.test/a?b=c"},
		{redirects{hostName: "id.test", ownPort: "9768"}, "x:1", "http://id.test:9768/a?b=c"},
		{redirects{proxyPort: 8290, ownPort: "9768"}, "x:1", "http://x:8290/a?b=c"},
		{redirects{ownPort: "9768"}, "[::1]:1", "http://[::1]:1/a?b=c"},
		{redirects{ownPort: "80"}, "x", "http://x/a?b=c"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/redirect?to=/a%3Fb=c", nil)
		r.Host = c.asked
		c.d.ServeHTTP(w, r)
		require.Equal(t, http.StatusFound, w.Code)
		require.Equal(t, c.want, w.Header().Get("Location"))
	}
	for _, to := range []string{"", "x", "//evil.test", "http://evil.test"} {
		w := httptest.NewRecorder()
		redirects{}.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/redirect?to="+to, nil))
		require.Equal(t, http.StatusBadRequest, w.Code, "it leads nowhere else: %q", to)
	}
}

func TestSessionsCountVisits(t *testing.T) {
	s := newSessions(self)
	visit := func(cookies ...*http.Cookie) (int, []*http.Cookie) {
		r := httptest.NewRequest(http.MethodGet, "/session", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var got struct{ Visits int }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		return got.Visits, w.Result().Cookies()
	}
	n, cookies := visit()
	require.Equal(t, 1, n)
	require.Equal(t, "JSESSIONID", cookies[0].Name)
	n, set := visit(cookies...)
	require.Equal(t, 2, n)
	require.Empty(t, set)
	n, set = visit(&http.Cookie{Name: "JSESSIONID", Value: "of another node"})
	require.Equal(t, 1, n)
	require.Len(t, set, 1, "a session that is not known begins anew")
}
