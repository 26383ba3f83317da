package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/authority"
)

// testPKICommand creates a test PKI.
type testPKICommand struct {
	Out      string `help:"Directory to write to; it must be empty or not exist." required:"" type:"path" placeholder:"DIR"`
	Password string `help:"Password of the .p12 files; random if omitted." placeholder:"TEXT"`
	Years    int    `help:"Validity of the certificates, in years." default:"3"`
	Hostile  bool   `help:"Also create certificates that a service must reject."`
}

// Run writes the files and prints their names as JSON.
func (c *testPKICommand) Run(e environment) error {
	now := time.Now()
	password := c.Password
	if password == "" {
		password = rand.Text()
	}
	files, err := authority.DevelopmentPKI{
		Password:       password,
		IssuedAt:       now,
		NotAfter:       now.AddDate(c.Years, 0, 0),
		IncludeInvalid: c.Hostile,
		Random:         rand.Reader,
	}.Write(c.Out)
	if err != nil {
		return fmt.Errorf("the test PKI: %w", err)
	}
	encoder := json.NewEncoder(e.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(files) //nolint:gosec // contains the path of the password file, not the password
}
