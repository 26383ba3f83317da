package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/message/pki"
)

// testpkiCommand makes a test PKI.
type testpkiCommand struct {
	Out      string `help:"Folder to write to; it must not exist or be empty." required:"" type:"path" placeholder:"DIR"`
	Password string `help:"Password of the .p12 files; a random one when left out." placeholder:"TEXT"`
	Years    int    `help:"How long the certificates are valid." default:"3"`
	Hostile  bool   `help:"Also make certificates that a service must refuse."`
}

// Run writes the files and prints their names as JSON.
func (c *testpkiCommand) Run(e environment) error {
	now := time.Now()
	password := c.Password
	if password == "" {
		password = rand.Text()
	}
	files, err := pki.Development{Password: password, At: now, Until: now.AddDate(c.Years, 0, 0), Hostile: c.Hostile, Random: rand.Reader}.Write(c.Out)
	if err != nil {
		return fmt.Errorf("the test PKI: %w", err)
	}
	encoder := json.NewEncoder(e.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(files) //nolint:gosec // the file of the password is named, not the password
}
