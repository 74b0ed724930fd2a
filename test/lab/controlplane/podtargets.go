package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"sort"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// settle gathers the changes of one burst into one file.
const settle = 50 * time.Millisecond

// targetGroup is Prometheus's file format for discovered targets.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// runPodTargets does the work of Prometheus's own discovery of pods, with its label names, into a file:
// Debian builds Prometheus without Kubernetes support.
func runPodTargets() int {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server (required)")
	out := flag.String("out", "", "file to write for file_sd_configs, in a directory of its own (required)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := writePodTargets(ctx, *kubeconfig, *out); err != nil {
		fmt.Fprintln(os.Stderr, "pod-targets:", err)
		return 1
	}
	return 0
}

func writePodTargets(ctx context.Context, kubeconfig, out string) error {
	if kubeconfig == "" || out == "" {
		return fmt.Errorf("--kubeconfig and --out must both be given")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods()
	changed := make(chan struct{}, 1)
	note := func() {
		select {
		case changed <- struct{}{}:
		default: // a write is already due
		}
	}
	if _, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { note() },
		UpdateFunc: func(any, any) { note() },
		DeleteFunc: func(any) { note() },
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	note()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		time.Sleep(settle)
		if err := writeTargets(pods.Lister(), out); err != nil {
			return err
		}
	}
}

func writeTargets(pods corelisters.PodLister, out string) error {
	all, err := pods.List(labels.Everything())
	if err != nil {
		return err
	}
	groups := []targetGroup{}
	for _, pod := range all {
		groups = append(groups, targetsOf(pod)...)
	}
	// Sorted, so that an unchanged cluster gives an unchanged file.
	sort.Slice(groups, func(i, j int) bool { return key(groups[i]) < key(groups[j]) })
	text, err := json.Marshal(groups)
	if err != nil {
		return err
	}
	// Renamed into place: Prometheus must never read half a file.
	if err := os.WriteFile(out+".part", text, 0o644); err != nil {
		return err
	}
	return os.Rename(out+".part", out)
}

func key(group targetGroup) string {
	return group.Labels["__meta_kubernetes_namespace"] + "/" + group.Targets[0] + "/" + group.Labels["__meta_kubernetes_pod_uid"]
}

// targetsOf gives one target per declared port, or one per container that declares none, as Prometheus does.
func targetsOf(pod *corev1.Pod) []targetGroup {
	if pod.Status.PodIP == "" {
		return nil
	}
	var groups []targetGroup
	add := func(container corev1.Container, init bool) {
		meta := podLabels(pod)
		meta["__meta_kubernetes_pod_container_name"] = container.Name
		meta["__meta_kubernetes_pod_container_init"] = strconv.FormatBool(init)
		if len(container.Ports) == 0 {
			groups = append(groups, targetGroup{Targets: []string{pod.Status.PodIP}, Labels: meta})
		}
		for _, port := range container.Ports {
			address := fmt.Sprintf("%s:%d", pod.Status.PodIP, port.ContainerPort)
			groups = append(groups, targetGroup{Targets: []string{address}, Labels: meta})
		}
	}
	for _, container := range pod.Spec.Containers {
		add(container, false)
	}
	for _, container := range pod.Spec.InitContainers {
		add(container, true)
	}
	return groups
}

func podLabels(pod *corev1.Pod) map[string]string {
	meta := map[string]string{
		"__meta_kubernetes_namespace":     pod.Namespace,
		"__meta_kubernetes_pod_name":      pod.Name,
		"__meta_kubernetes_pod_uid":       string(pod.UID),
		"__meta_kubernetes_pod_ip":        pod.Status.PodIP,
		"__meta_kubernetes_pod_phase":     string(pod.Status.Phase),
		"__meta_kubernetes_pod_node_name": pod.Spec.NodeName,
	}
	for name, value := range pod.Labels {
		meta["__meta_kubernetes_pod_label_"+labelName(name)] = value
	}
	for name, value := range pod.Annotations {
		meta["__meta_kubernetes_pod_annotation_"+labelName(name)] = value
	}
	return meta
}

var notLabel = regexp.MustCompile(`[^a-zA-Z0-9_]`)

func labelName(name string) string { return notLabel.ReplaceAllString(name, "_") }
