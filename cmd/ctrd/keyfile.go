package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/store/identity"
	"github.com/openctr/ctr/internal/terminal"
)

// defaultKeyFile is where a service that is no development service looks for its keys: apart from the database, because
// who copies the data directory must not copy the keys with it.
const defaultKeyFile = "/etc/ctrd/keys/keys.json"

// keyFile is the place of the keys that encrypt personal data.
type keyFile struct {
	path string
	// isDefault says that nobody named the place, so that no file is created there.
	isDefault bool
	// isCredential says that the service manager provides the file.
	isCredential bool
	// isBesideDatabase says that the file is in the data directory, from before there was another default.
	isBesideDatabase bool
}

// findKeyFile returns the place that is named, or else the credential of the service manager, or else the file in the
// data directory if there is one, or else the default.
func (e environment) findKeyFile(named, data string) keyFile {
	credentials := e.getenv("CREDENTIALS_DIRECTORY")
	credential, beside := filepath.Join(credentials, identity.KeyFileName), filepath.Join(data, identity.KeyFileName)
	switch {
	case named != "":
		return keyFile{path: named, isCredential: credentials != "" && filepath.Dir(named) == filepath.Clean(credentials)}
	case credentials != "" && isThere(credential):
		return keyFile{path: credential, isCredential: true}
	case isThere(beside):
		return keyFile{path: beside, isBesideDatabase: true}
	}
	return keyFile{path: defaultKeyFile, isDefault: true}
}

// isThere reports whether there is a file; one that may not be looked at is one.
func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil || errors.Is(err, fs.ErrPermission)
}

type createKeyFileCommand struct {
	File string `arg:"" help:"The file to create." type:"path"`
}

// Run creates a key file for a new register.
func (c *createKeyFileCommand) Run(e environment) error {
	err := identity.CreateKeyFile(c.File, time.Now().UTC().Format(time.DateOnly))
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the key file %s exists", c.File)
	}
	if err == nil {
		err = terminal.Printf(e.stdout, "created %s; copy it to a safe place, apart from the backups of the database\n",
			c.File)
	}
	return err
}
