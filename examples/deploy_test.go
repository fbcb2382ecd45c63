package examples_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The files of deploy are for other programs. What is held against this tree:
// that its programs take their flags with the values given, that everything is a
// field that those programs know, and that what is published, dialled and probed
// is a port that something listens on.

func TestDeploy(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "./elb", "./node").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, f := range map[string]func(*testing.T, checked){
		"units": deployUnits, "compose": deployCompose, "manifests": deployManifests,
	} {
		t.Run(name, func(t *testing.T) { f(t, checkIn(t, dir)) })
	}
}

// A checked has a program check the flags that a file gives it.
type checked func(file, program string, args []string)

func checkIn(t *testing.T, dir string) checked {
	return func(file, program string, args []string) {
		t.Helper()
		require.Contains(t, []string{"elb", "node"}, program, file)
		path := filepath.Join(dir, program)
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		out, err := exec.Command(path, append([]string{"-check-config"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s: %s %v: %s", file, program, args, out)
	}
}

// flagOf is the value of a flag in a list of arguments.
func flagOf(args []string, name string) string {
	if i := slices.Index(args, "-"+name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func deployUnits(t *testing.T, check checked) {
	for _, p := range []string{"elb", "node"} {
		unit, env := deployFile(t, "systemd/tribes-"+p+".service"), deployFile(t, "systemd/"+p+".env")
		values := map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials/x"}
		for line := range strings.Lines(env) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			require.True(t, ok, line)
			values[name] = value
		}
		start := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/` + p + ` (.*)$`).FindStringSubmatch(unit)
		require.NotNil(t, start, p)
		used := map[string]bool{}
		line := regexp.MustCompile(`\$\{([A-Z_]+)\}`).ReplaceAllStringFunc(start[1], func(v string) string {
			name := strings.Trim(v, "${}")
			require.NotEmpty(t, values[name], "%s.env sets what the unit uses: %s", p, name)
			used[name] = true
			return values[name]
		})
		require.Len(t, used, len(values), "the unit uses all that %s.env sets", p)
		require.Contains(t, unit, "EnvironmentFile=/etc/tribes/"+p+".env\n")
		check(p+".service", p, strings.Fields(line))
	}
}

func deployCompose(t *testing.T, check checked) {
	var c compose
	strictly(t, "compose.yaml", deployFile(t, "container/compose.yaml"), &c)
	docker := deployFile(t, "container/Dockerfile")
	require.Len(t, c.Services, 4)
	built := 0
	for name, s := range c.Services {
		require.Equal(t, "tribes", s.Image)
		if s.Build != nil {
			built++
			require.Equal(t, "../..", s.Build.Context)
			require.Equal(t, "deploy/container/Dockerfile", s.Build.Dockerfile)
		}
		entry := s.Entrypoint
		if entry == nil {
			m := regexp.MustCompile(`(?m)^ENTRYPOINT (.*)$`).FindStringSubmatch(docker)
			require.NotNil(t, m)
			require.NoError(t, json.Unmarshal([]byte(m[1]), &entry))
		}
		require.Len(t, entry, 1)
		check("compose.yaml", strings.TrimPrefix(entry[0], "/"), s.Command)

		host, port, _ := strings.Cut(flagOf(s.Command, "advertise"), ":")
		require.Equal(t, name, host, "a service is found under its name")
		require.Equal(t, ":"+port, flagOf(s.Command, "listen"))
		for _, p := range s.Ports {
			_, inside, _ := strings.Cut(p, ":")
			require.Equal(t, ":"+inside, flagOf(s.Command, "http"), "what is published is served")
		}
		wka, _, _ := strings.Cut(flagOf(s.Command, "wka"), ":")
		require.Equal(t, flagOf(s.Command, "wka"), flagOf(c.Services[wka].Command, "advertise"), "%s finds its balancer", name)
		for _, secret := range s.Secrets {
			require.Equal(t, "/run/secrets/"+secret, flagOf(s.Command, "key-file"))
			require.NotEmpty(t, c.Secrets[secret].File)
		}
		require.Len(t, s.Secrets, 1)
		_, err := time.ParseDuration(s.StopGracePeriod)
		require.NoError(t, err)
	}
	require.Equal(t, 1, built, "the image is built once")
}

func deployManifests(t *testing.T, check checked) {
	all := manifests(t)
	require.Len(t, all, 5)
	for _, program := range []string{"elb", "node"} {
		m := all["Deployment tribes-"+program]
		require.Equal(t, "apps/v1", m.APIVersion)
		var selector labelSelector
		require.NoError(t, json.Unmarshal(m.Spec.Selector, &selector))
		for k, v := range selector.MatchLabels {
			require.Equal(t, v, m.Spec.Template.Metadata.Labels[k], "a deployment selects its own pods")
		}
		require.Equal(t, map[string]int{"maxUnavailable": 0, "maxSurge": 1}, m.Spec.Strategy.RollingUpdate)
		require.Len(t, m.Spec.Template.Spec.Containers, 1)
		c := m.Spec.Template.Spec.Containers[0]
		require.Equal(t, []string{"/" + program}, c.Command)
		require.Equal(t, "tribes", c.Image)
		args := podArgs(c, "10.0.0.1")
		check("tribes.yaml", program, args)
		require.Equal(t, fmt.Sprint(":", c.at(t, "members")), flagOf(args, "listen"))
		require.Equal(t, fmt.Sprint("10.0.0.1:", c.at(t, "members")), flagOf(args, "advertise"))
		require.Equal(t, fmt.Sprint(":", c.at(t, "http")), flagOf(args, "http"))
		// The balancer's without a host would be loopback, where no probe comes.
		probed := map[string]string{"elb": "admin", "node": "health"}[program]
		host := map[string]string{"elb": "0.0.0.0"}[program]
		require.Equal(t, fmt.Sprint(host, ":", c.at(t, probed)), flagOf(args, probed))
		for _, p := range []*probe{c.ReadinessProbe, c.LivenessProbe} {
			if p != nil {
				require.Equal(t, probed, p.HTTPGet.Port)
			}
		}
		require.NotNil(t, c.ReadinessProbe)
		require.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)
	}
	elb := all["Deployment tribes-elb"].Spec.Template.Spec.Containers[0]
	var selector map[string]string
	for _, name := range []string{"tribes-wka", "tribes"} {
		s := all["Service "+name]
		require.NoError(t, json.Unmarshal(s.Spec.Selector, &selector))
		require.Equal(t, map[string]string{"app": "tribes-elb"}, selector)
		require.Len(t, s.Spec.Ports, 1)
		elb.at(t, s.Spec.Ports[0].TargetPort)
	}
	wka := all["Service tribes-wka"]
	require.Equal(t, "None", wka.Spec.ClusterIP, "the name leads to the pods themselves")
	require.True(t, wka.Spec.PublishNotReadyAddresses, "balancers meet before they are ready")
	require.Equal(t, fmt.Sprint("tribes-wka:", elb.at(t, "members")), flagOf(podArgs(elb, ""), "wka"))

	policy := all["NetworkPolicy tribes-members"]
	require.Equal(t, map[string]string{"tribes": "member"}, policy.Spec.PodSelector.MatchLabels)
	require.Len(t, policy.Spec.Ingress, 3)
	node := all["Deployment tribes-node"].Spec.Template.Spec.Containers[0]
	members, inner, outer := policy.Spec.Ingress[0], policy.Spec.Ingress[1], policy.Spec.Ingress[2]
	require.Equal(t, "members", members.Ports[0].Port)
	require.Equal(t, policy.Spec.PodSelector, &members.From[0].PodSelector, "members reach each other")
	require.EqualValues(t, node.at(t, "http"), inner.Ports[0].Port)
	require.Equal(t, selector, inner.From[0].PodSelector.MatchLabels, "balancers reach what nodes serve")
	require.EqualValues(t, elb.at(t, "http"), outer.Ports[0].Port)
	require.Empty(t, outer.From, "anybody reaches the balancers")
}

// podArgs are a container's arguments in a pod with that address.
func podArgs(c container, ip string) []string {
	var args []string
	for _, a := range c.Args {
		args = append(args, strings.ReplaceAll(a, "$(POD_IP)", ip))
	}
	return args
}

func TestTheImageHoldsTheProgramsAndNothingElse(t *testing.T) {
	docker := deployFile(t, "container/Dockerfile")
	_, last, ok := strings.Cut(docker, "\nFROM scratch\n")
	require.True(t, ok)
	env, _ := imageFlags(t)
	require.Equal(t, "CGO_ENABLED=0", env, "nothing in the image could load a library")
	require.Contains(t, last, "USER 65534:65534")
	for _, p := range []string{"elb", "node"} {
		require.Contains(t, last, "COPY --from=build /out/"+p+" /"+p)
	}
}
