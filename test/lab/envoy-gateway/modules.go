//go:build modules

// Package envoygateway names the program that a test builds. `go mod tidy` reads every build tag, so this line keeps
// the requirement.
package envoygateway

import _ "github.com/envoyproxy/gateway/cmd/envoy-gateway"
