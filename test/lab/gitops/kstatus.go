package main

import (
	"encoding/json"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// statusOf judges one object as Flux does before it calls an object ready.
func statusOf(question json.RawMessage) (any, error) {
	object := &unstructured.Unstructured{}
	// Whole numbers must become int64, which kstatus compares generations as.
	if err := object.UnmarshalJSON(question); err != nil {
		return nil, err
	}
	result, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	return map[string]string{"status": string(result.Status), "message": result.Message}, nil
}
