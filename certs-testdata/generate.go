//go:build ignore

// Generate recreates the frozen test PKI in this directory: go generate ./certs-testdata
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/authority"
)

func main() {
	if err := generate("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "*.p12"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	_, err = authority.DevelopmentPKI{
		Password:       "worthless",
		IssuedAt:       time.Date(2020, 1, 1, 1, 0, 0, 0, time.UTC),
		NotAfter:       time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		IncludeInvalid: true,
		Random:         rand.Reader,
	}.Write(dir)
	return err
}
