package check

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const folder = "../kubernetes"

// A set is what one file holds, and the names of secrets and config maps that it
// makes, or that a command in its comments makes.
type set struct {
	services    []*corev1.Service
	deployments []*appsv1.Deployment
	policies    []*networkingv1.NetworkPolicy
	made        map[string]bool
}

var command = regexp.MustCompile(`(?m)^#.*kubectl create (?:secret generic|configmap) ([a-z0-9.-]+)`)

// decode reads all objects of a file. What Kubernetes' own types do not have, and
// what stands there twice, is an error.
func decode(text []byte) (*set, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	d := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	all := &set{made: map[string]bool{}}
	for _, m := range command.FindAllSubmatch(text, -1) {
		all.made[string(m[1])] = true
	}
	for r := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		one, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		o, _, err := d.Decode(one, nil, nil)
		if err != nil {
			return nil, err
		}
		switch o := o.(type) {
		case *corev1.Service:
			all.services = append(all.services, o)
		case *corev1.ConfigMap:
			all.made[o.Name] = true
		case *corev1.Secret:
			all.made[o.Name] = true
		case *appsv1.Deployment:
			all.deployments = append(all.deployments, o)
		case *networkingv1.NetworkPolicy:
			all.policies = append(all.policies, o)
		default:
			return nil, errors.New("this check does not know what fits a " + o.GetObjectKind().GroupVersionKind().Kind)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

func TestManifestsAreOfKubernetesTypesAndFitTogether(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all, err := decode(read(t, filepath.Base(file)))
			require.NoError(t, err)
			require.NotEmpty(t, all.deployments)
			require.Empty(t, joins(all))
		})
	}
}

// Each of these mistakes is made in the real file, and found.
func TestMistakesAreFound(t *testing.T) {
	good := string(read(t, "tribes.yaml"))
	for _, c := range []struct{ says, old, to string }{
		{`unknown field "spec.template.spec.containers[0].readyProbe"`, "readinessProbe:", "readyProbe:"},
		{`unknown field "spec.clusterIp"`, "clusterIP:", "clusterIp:"},
		{`unknown field "spec.terminationGracePeriodSeconds"`, "  template:\n", "  terminationGracePeriodSeconds: 5\n  template:\n"},
		{`already set in map`, "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n"},
		{`no kind "Deploymnt" is registered`, "kind: Deployment", "kind: Deploymnt"},
		{`no kind "Deployment" is registered for version "apps/v1beta1"`, "apiVersion: apps/v1", "apiVersion: apps/v1beta1"},
		{`cannot unmarshal`, "replicas: 2", "replicas: two"},
		{"does not select its own pods", "matchLabels: {app: tribes-elb}", "matchLabels: {app: elb}"},
		{"unknown strategy", "type: RollingUpdate,", "type: Rolling,"},
		{"tribes-wka: no pod has the labels", "selector: {app: tribes-elb}", "selector: {app: elb}"},
		{"tribes-wka: no container of", "targetPort: members", "targetPort: member"},
		{"the readiness probe asks port web", "path: /readyz, port: admin", "path: /readyz, port: web"},
		{"the liveness probe asks port 8281", "path: /healthz, port: admin", "path: /healthz, port: 8281"},
		{"the mount keys is of no volume", "volumeMounts: [{name: key", "volumeMounts: [{name: keys"},
		{"the volume key is mounted nowhere", "volumeMounts: [{name: key", "volumeMounts: [{name: keys"},
		{`nothing makes the secret "tribes"`, "secretName: tribes-key", "secretName: tribes"},
		{`nothing makes the config map "x"`, "secret: {secretName: tribes-key, defaultMode: 0400}", "configMap: {name: x}"},
		{"POD_IP is not set", "env: [{name: POD_IP", "env: [{name: PODIP"},
		{"tribes-members: no pod has the port 9765", "port: 9763, protocol", "port: 9765, protocol"},
		{"tribes-members: no pod has the labels", "[{podSelector: {matchLabels: {app: tribes-", "[{podSelector: {matchLabels: {app: "},
	} {
		t.Run(c.says, func(t *testing.T) {
			require.Contains(t, good, c.old)
			all, err := decode([]byte(strings.Replace(good, c.old, c.to, 1)))
			if err != nil {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.Contains(t, strings.Join(joins(all), "\n"), c.says)
		})
	}
}
