// Command labplane is the lab's control plane in one binary: etcd, kube-apiserver,
// kube-controller-manager and kubectl, linked from their Go modules, and a small discovery for Prometheus.
//
// The first argument picks the program, the rest are its own flags, as upstream documents them.
package main

import (
	"fmt"
	"os"
	"strings"
)

// programs maps a subcommand to its entry point. Each one reads os.Args as if it were its own binary,
// because the upstream commands do so in places (klog flags, kubectl plugins).
var programs = map[string]func() int{
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kubectl":                 runKubectl,
	"pod-targets":             runPodTargets,
}

func main() {
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		names := make([]string, 0, len(programs))
		for name := range programs {
			names = append(names, name)
		}
		fmt.Fprintf(os.Stderr, "usage: labplane <%s> [flags]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	run := programs[os.Args[1]]
	os.Args = os.Args[1:]
	os.Exit(run())
}
