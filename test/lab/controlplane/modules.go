//go:build modules

// Package main names modules that are not linked but whose files the lab reads from the module cache:
// the Gateway API's CRDs. `go mod tidy` reads every build tag, so this line keeps the requirement.
package main

import _ "sigs.k8s.io/gateway-api/apis/v1"
