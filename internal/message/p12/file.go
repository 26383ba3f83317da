package p12

import (
	"fmt"
	"os"
	"strings"

	"github.com/openctr/ctr/internal/message/x509id"
)

// ReadPasswordFile reads a password from a file, without the line end.
func ReadPasswordFile(file string) (string, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return "", fmt.Errorf("the password file: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// ReadSigningKey reads the signing key of a .p12 file, with the password from another file.
func ReadSigningKey(file, passwordFile string) (*x509id.Key, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("the .p12 file: %w", err)
	}
	password, err := ReadPasswordFile(passwordFile)
	if err != nil {
		return nil, err
	}
	key, err := DecodeSigningKey(data, password)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}
