package check

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A joint gathers what does not fit between the objects of one file.
type joint struct {
	*set
	wrong []string
}

func (j *joint) errorf(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
}

// joins says what in a file leads nowhere: selectors, ports, volumes, probes.
func joins(all *set) []string {
	j := &joint{set: all}
	for _, d := range all.deployments {
		j.deployment(d)
	}
	for _, s := range all.services {
		pods := j.pods(s.Name, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})
		for _, p := range s.Spec.Ports {
			j.ports(s.Name, p.TargetPort, pods)
		}
	}
	for _, p := range all.policies {
		j.policy(p)
	}
	return j.wrong
}

// pods are the templates that a selector means.
func (j *joint) pods(who string, selector *metav1.LabelSelector) []*corev1.PodTemplateSpec {
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		j.errorf("%s: %v", who, err)
		return nil
	}
	var out []*corev1.PodTemplateSpec
	for _, d := range j.deployments {
		if match.Matches(labels.Set(d.Spec.Template.Labels)) {
			out = append(out, &d.Spec.Template)
		}
	}
	if len(out) == 0 {
		j.errorf("%s: no pod has the labels %s", who, match)
	}
	return out
}

// ports wants a port in all pods, and one that its container has declared.
func (j *joint) ports(who string, port intstr.IntOrString, pods []*corev1.PodTemplateSpec) {
	for _, pod := range pods {
		if !slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return has(c, port) }) {
			j.errorf("%s: no container of %v has the port %s", who, pod.Labels, port.String())
		}
	}
}

func has(c corev1.Container, port intstr.IntOrString) bool {
	return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
		return port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal
	})
}

func (j *joint) deployment(d *appsv1.Deployment) {
	match, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil || match.Empty() || !match.Matches(labels.Set(d.Spec.Template.Labels)) {
		j.errorf("%s: it does not select its own pods: %v", d.Name, match)
	}
	if s := d.Spec.Strategy.Type; s != appsv1.RollingUpdateDeploymentStrategyType {
		j.errorf("%s: unknown strategy %q", d.Name, s)
	}
	spec := &d.Spec.Template.Spec
	volumes, mounted := map[string]bool{}, map[string]bool{}
	for _, v := range spec.Volumes {
		volumes[v.Name] = true
		if v.Secret != nil && !j.made[v.Secret.SecretName] {
			j.errorf("%s: nothing makes the secret %q of volume %s", d.Name, v.Secret.SecretName, v.Name)
		}
		if v.ConfigMap != nil && !j.made[v.ConfigMap.Name] {
			j.errorf("%s: nothing makes the config map %q of volume %s", d.Name, v.ConfigMap.Name, v.Name)
		}
	}
	for _, c := range spec.Containers {
		for _, m := range c.VolumeMounts {
			mounted[m.Name] = true
			if !volumes[m.Name] {
				j.errorf("%s: the mount %s is of no volume", d.Name, m.Name)
			}
		}
		j.container(d.Name, c)
	}
	for name := range volumes {
		if !mounted[name] {
			j.errorf("%s: the volume %s is mounted nowhere", d.Name, name)
		}
	}
}

func (j *joint) container(who string, c corev1.Container) {
	seen := map[string]bool{}
	for _, p := range c.Ports {
		if seen[p.Name] || len(p.Name) > 15 {
			j.errorf("%s: the port name %q is there twice, or longer than 15", who, p.Name)
		}
		seen[p.Name] = true
	}
	for kind, probe := range map[string]*corev1.Probe{"readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil {
			j.errorf("%s: there is no %s probe by HTTP", who, kind)
			continue
		}
		if !has(c, probe.HTTPGet.Port) {
			j.errorf("%s: the %s probe asks port %s, which the container has not", who, kind, probe.HTTPGet.Port.String())
		}
	}
	for _, arg := range c.Args {
		if _, rest, ok := strings.Cut(arg, "$("); ok {
			name, _, _ := strings.Cut(rest, ")")
			if !slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name }) {
				j.errorf("%s: %s is not set", who, name)
			}
		}
	}
}

func (j *joint) policy(p *networkingv1.NetworkPolicy) {
	pods := j.pods(p.Name, &p.Spec.PodSelector)
	for _, in := range p.Spec.Ingress {
		for _, from := range in.From {
			if from.PodSelector != nil {
				j.pods(p.Name, from.PodSelector)
			}
		}
		for _, port := range in.Ports {
			if port.Port == nil {
				continue
			}
			// One that a pod has not is closed in it; it has to be open in some.
			if !slices.ContainsFunc(pods, func(pod *corev1.PodTemplateSpec) bool {
				return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return has(c, *port.Port) })
			}) {
				j.errorf("%s: no pod has the port %s", p.Name, port.Port.String())
			}
		}
	}
}
