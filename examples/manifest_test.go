package examples_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"
)

// What the manifests of deploy may contain, field by field: one that is spelt
// wrongly, or that stands in the wrong place, is an error.
type (
	manifest struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
		Spec       struct {
			// Of a Service.
			ClusterIP                string          `json:"clusterIP"`
			PublishNotReadyAddresses bool            `json:"publishNotReadyAddresses"`
			Ports                    []servicePort   `json:"ports"`
			Selector                 json.RawMessage `json:"selector"` // of a Deployment too, in another form
			PodSelector              *labelSelector  `json:"podSelector"`
			PolicyTypes              []string        `json:"policyTypes"`
			Ingress                  []ingress       `json:"ingress"`
			// Of a Deployment.
			Replicas int `json:"replicas"`
			Strategy struct {
				Type          string         `json:"type"`
				RollingUpdate map[string]int `json:"rollingUpdate"`
			} `json:"strategy"`
			Template struct {
				Metadata metadata `json:"metadata"`
				Spec     podSpec  `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	}
	labelSelector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	}
	ingress struct {
		From []struct {
			PodSelector labelSelector `json:"podSelector"`
		} `json:"from"`
		Ports []struct {
			Port     any    `json:"port"` // a number, or the name of a container's
			Protocol string `json:"protocol"`
		} `json:"ports"`
	}
	servicePort struct {
		Name       string `json:"name"`
		Port       int    `json:"port"`
		TargetPort string `json:"targetPort"`
	}
	podSpec struct {
		TerminationGracePeriodSeconds int             `json:"terminationGracePeriodSeconds"`
		SecurityContext               map[string]any  `json:"securityContext"`
		Containers                    []container     `json:"containers"`
		Volumes                       json.RawMessage `json:"volumes"`
	}
	container struct {
		Name            string          `json:"name"`
		Image           string          `json:"image"`
		Command         []string        `json:"command"`
		Args            []string        `json:"args"`
		Env             json.RawMessage `json:"env"`
		Ports           []containerPort `json:"ports"`
		ReadinessProbe  *probe          `json:"readinessProbe"`
		LivenessProbe   *probe          `json:"livenessProbe"`
		SecurityContext map[string]any  `json:"securityContext"`
		VolumeMounts    json.RawMessage `json:"volumeMounts"`
	}
	containerPort struct {
		Name          string `json:"name"`
		ContainerPort int    `json:"containerPort"`
	}
	probe struct {
		HTTPGet struct {
			Path string `json:"path"`
			Port string `json:"port"`
		} `json:"httpGet"`
		PeriodSeconds int `json:"periodSeconds"`
	}
	compose struct {
		Services map[string]composeEntry `json:"services"`
		Secrets  map[string]struct {
			File string `json:"file"`
		} `json:"secrets"`
	}
	composeEntry struct {
		Image string `json:"image"`
		Build *struct {
			Context    string `json:"context"`
			Dockerfile string `json:"dockerfile"`
		} `json:"build"`
		Entrypoint      []string `json:"entrypoint"`
		Command         []string `json:"command"`
		Ports           []string `json:"ports"`
		Secrets         []string `json:"secrets"`
		StopGracePeriod string   `json:"stop_grace_period"`
	}
)

// strictly decodes one YAML document and wants every field to be known.
func strictly(t *testing.T, name, text string, into any) {
	t.Helper()
	var tree any
	require.NoError(t, yaml.Unmarshal([]byte(text), &tree), name)
	b, err := json.Marshal(tree)
	require.NoError(t, err, name)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(into), name)
}

// manifests are those of Kubernetes, by kind and name.
func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	all := map[string]manifest{}
	for text := range strings.SplitSeq(deployFile(t, "kubernetes/tribes.yaml"), "\n---\n") {
		var m manifest
		strictly(t, "tribes.yaml", text, &m)
		all[m.Kind+" "+m.Metadata.Name] = m
	}
	return all
}

// deployFile is the text of one.
func deployFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "deploy", filepath.FromSlash(name)))
	require.NoError(t, err)
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// imageFlags are those that the Dockerfile builds with.
func imageFlags(t *testing.T) (env string, args []string) {
	t.Helper()
	m := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0) go build (-trimpath) (-ldflags) "(.*)" -o /out/ \./examples/elb \./examples/node$`).
		FindStringSubmatch(deployFile(t, "container/Dockerfile"))
	require.NotNil(t, m, "the line of the Dockerfile that builds")
	return m[1], m[2:]
}

// at is the container's port of that name.
func (c container) at(t *testing.T, name string) int {
	t.Helper()
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	require.FailNow(t, "no such port", "container %s has no port %q", c.Name, name)
	return 0
}
