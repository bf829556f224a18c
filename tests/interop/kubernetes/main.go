// Decodes each document of a file with the types of Kubernetes' own API, strictly: an unknown or doubled member is an
// error.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func decode(document []byte) (string, error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(document, &head); err != nil {
		return "", err
	}
	kinds := map[string]any{
		"v1/Namespace":             &core.Namespace{},
		"v1/ServiceAccount":        &core.ServiceAccount{},
		"v1/PersistentVolumeClaim": &core.PersistentVolumeClaim{},
		"batch/v1/CronJob":         &batch.CronJob{},
	}
	kind := head.APIVersion + "/" + head.Kind
	object, known := kinds[kind]
	if !known {
		return kind, errors.New("no such kind")
	}
	return kind, yaml.UnmarshalStrict(document, object)
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := 0
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		kind, err := decode(document)
		if err != nil && !errors.Is(err, io.EOF) {
			fmt.Printf("%s: %v\n", kind, err)
			status = 1
			continue
		}
		fmt.Printf("%s: decoded\n", kind)
	}
	os.Exit(status)
}
