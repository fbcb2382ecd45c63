// Package check holds the manifests of deploy/kubernetes against the types of
// Kubernetes, in tests alone. It is a module of its own, as these types need
// more than all of the library.
package check
