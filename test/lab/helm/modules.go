//go:build modules

// Package helm names the program that the chart's tests build. `go mod tidy` reads every build tag, so this line keeps
// the requirement.
package helm

import _ "helm.sh/helm/v3/cmd/helm"
