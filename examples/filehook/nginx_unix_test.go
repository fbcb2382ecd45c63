//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/examples/internal/freeport"
	"github.com/gotribes/tribes/membership"
	"github.com/gotribes/tribes/wka"
)

// An nginx is a real one in a folder of its own, and a hook that feeds it.
type nginx struct {
	*testing.T
	dir, web, balancer string
	client             *http.Client
}

func free(t *testing.T) string { return freeport.Address(t) }

// startNginx starts both; they end with the test.
func startNginx(t *testing.T) *nginx {
	t.Helper()
	if testing.Short() {
		t.Skip("starts nginx and waits for real time; runs without -short")
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed; the CI installs it (apt-get install nginx-light)")
	}
	n := &nginx{T: t, dir: t.TempDir(), web: free(t), balancer: free(t)}
	n.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	conf := filepath.Join(n.dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
daemon off;
pid %[1]s/pid;
error_log %[1]s/error.log notice;
worker_processes 2;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f;
	uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	include %[1]s/members.conf;
	server {
		listen %[2]s;
		location / { proxy_pass http://tribes; proxy_connect_timeout 1s; }
	}
}`, n.dir, n.web), 0o600))
	out := filepath.Join(n.dir, "members.conf")
	require.NoError(t, os.WriteFile(out, []byte("upstream tribes { server 127.0.0.1:1 down; }\n"), 0o644))

	var said bytes.Buffer
	server := exec.Command(program, "-p", n.dir, "-c", conf)
	server.Stdout, server.Stderr = &said, &said
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
		if t.Failed() {
			t.Logf("nginx: %s%s", &said, n.log())
		}
	})
	n.until("nginx runs", func() bool { return n.pid() != "" })

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	var log bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"-manage", "d", "-advertise", n.balancer, "-wka", n.balancer, "-template", "nginx.tmpl", "-out", out,
			"-exec", program + " -p " + n.dir + " -c " + conf + " -s reload"}, io.Discard, &log)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended, "%s", &log)
		if t.Failed() {
			t.Logf("filehook: %s", &log)
		}
	})
	return n
}

func (n *nginx) pid() string {
	b, _ := os.ReadFile(filepath.Join(n.dir, "pid")) // not there yet: empty
	return strings.TrimSpace(string(b))
}

func (n *nginx) log() string {
	b, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
	return string(b)
}

// reloads counts how often nginx has read its file anew.
func (n *nginx) reloads() int { return strings.Count(n.log(), ": reconfiguring\n") }

func (n *nginx) listed() int {
	b, _ := os.ReadFile(filepath.Join(n.dir, "members.conf"))
	return strings.Count(string(b), "\tserver 127.0.0.1:") - 1
}

func (n *nginx) until(why string, is func() bool) {
	n.Helper()
	require.Eventually(n, is, 30*time.Second, 10*time.Millisecond, why)
}

// A member is a node with a server.
type member struct {
	node   *membership.Node
	server *httptest.Server
}

func (n *nginx) member(name string) *member {
	n.Helper()
	m := &member{server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) }))}
	_, port, err := net.SplitHostPort(m.server.Listener.Addr().String())
	require.NoError(n, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(n, err)
	m.node, err = membership.Start(membership.Config{
		Name: name, Domain: "d", Listener: l, WellKnown: wka.List{n.balancer}, Properties: map[string]string{"httpPort": port},
	})
	require.NoError(n, err)
	n.Cleanup(m.kill)
	return m
}

// kill ends it without a word.
func (m *member) kill() {
	m.node.Close()
	m.server.CloseClientConnections()
	m.server.Close()
}

// ask sends a request through nginx; a status other than 200 is an error.
func (n *nginx) ask(method string) (string, error) {
	req, err := http.NewRequest(method, "http://"+n.web+"/", nil)
	if err != nil {
		return "", err
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

func TestTenOfThirtyKilledAreOneOrTwoReloads(t *testing.T) {
	n := startNginx(t)
	const kills = 10
	members := 3 * kills
	if slow {
		members = kills + 2 // thirty nodes in one process are too much under the race detector
	}
	var all []*member
	for i := range members {
		all = append(all, n.member(fmt.Sprint("n", i)))
	}
	n.until("all are listed", func() bool { return n.listed() == members })
	<-time.After(2 * time.Second) // they dial each other, and nginx takes on its last file
	before := n.reloads()
	var wg sync.WaitGroup
	began := time.Now()
	for _, m := range all[:kills] {
		wg.Go(m.kill)
	}
	wg.Wait()
	n.until("ten are gone", func() bool { return n.listed() == members-kills })
	took := time.Since(began)
	<-time.After(3 * time.Second) // no further reload comes
	after := n.reloads()
	t.Logf("%d of %d killed: %d reloads, the last file %v after the first kill", kills, members, after-before, took.Round(time.Millisecond))
	require.Greater(t, after, before)
	require.LessOrEqual(t, after-before, 2)
	seen := map[string]bool{}
	for range 60 {
		who, err := n.ask(http.MethodPost)
		require.NoError(t, err)
		seen[who] = true
	}
	require.Len(t, seen, members-kills)
}

func TestNothingIsLostWhileAMemberLeaves(t *testing.T) {
	n := startNginx(t)
	n.member("one")
	two := n.member("two")
	n.until("both are listed", func() bool { return n.listed() == 2 })
	_, err := two.node.Ready(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex // for asked and errs
	var asked int
	var errs []error
	for i := range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, err := n.ask([]string{http.MethodGet, http.MethodPost}[i%2])
				mu.Lock()
				asked++
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	report, err := two.node.Leave(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Confirmed, 1)
	require.GreaterOrEqual(t, report.Took, time.Second, "until nginx has surely taken on the file without it")
	two.kill()
	<-time.After(200 * time.Millisecond)
	cancel()
	wg.Wait()
	require.Empty(t, errs, "of %d requests", asked)
	t.Logf("%d requests, none failed; Leave took %v", asked, report.Took.Round(time.Millisecond))
}
