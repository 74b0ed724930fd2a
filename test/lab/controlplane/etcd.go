package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startupLimit is generous on purpose: a loaded two-core machine may take seconds to open the first WAL.
const startupLimit = 60 * time.Second

// runEtcd serves one member without fsync: a lab that loses power is thrown away, and fsync costs
// milliseconds for every write on a shared disk.
func runEtcd() int {
	dataDir := flag.String("data-dir", "", "directory of the member's data (required)")
	clientURL := flag.String("listen-client-url", "http://127.0.0.1:2379", "where the API server connects")
	peerURL := flag.String("listen-peer-url", "http://127.0.0.1:2380", "peer address; nobody connects to it")
	flag.Parse()
	if err := serveEtcd(*dataDir, *clientURL, *peerURL); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		return 1
	}
	return 0
}

func serveEtcd(dataDir, clientURL, peerURL string) error {
	if dataDir == "" {
		return fmt.Errorf("--data-dir is empty: name a directory that may be deleted with the lab")
	}
	config, err := etcdConfig(dataDir, clientURL, peerURL)
	if err != nil {
		return err
	}
	member, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer member.Close()
	select {
	case <-member.Server.ReadyNotify():
	case <-time.After(startupLimit):
		return fmt.Errorf("not ready after %s", startupLimit)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	select {
	case err := <-member.Err():
		return err
	case <-stop:
		return nil
	}
}

func etcdConfig(dataDir, clientURL, peerURL string) (*embed.Config, error) {
	client, err := url.Parse(clientURL)
	if err != nil {
		return nil, fmt.Errorf("--listen-client-url: %w", err)
	}
	peer, err := url.Parse(peerURL)
	if err != nil {
		return nil, fmt.Errorf("--listen-peer-url: %w", err)
	}
	config := embed.NewConfig()
	config.Dir = dataDir
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	// Zero, the value for those who embed etcd, would log every single request as slow.
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	return config, nil
}
