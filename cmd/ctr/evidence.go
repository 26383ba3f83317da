package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openctr/ctr/internal/evidence"
	"github.com/openctr/ctr/internal/message/x509id"
)

// evidenceCommands work on evidence that an operator of a register exported.
type evidenceCommands struct {
	Verify verifyEvidenceCommand `cmd:"" help:"Verify an evidence file offline: who signed which notification, and that the register recorded it."`
}

type verifyEvidenceCommand struct {
	File        string   `arg:"" help:"The ZIP file." type:"existingfile"`
	Trust       []string `required:"" help:"PEM file with certificate authorities that you trust to issue signing certificates. Repeatable." type:"existingfile" placeholder:"FILE"`
	PublicKey   []string `help:"PEM file with a public key of the register, which you have from the register itself. Repeatable." type:"existingfile" placeholder:"FILE"`
	Checkpoints string   `help:"Copy of the register's anchor file, which must contain the checkpoints of the evidence." type:"existingfile" placeholder:"FILE"`
	AllowSHA1   bool     `name:"allow-sha1" help:"Accept SHA-1, for evidence of a register that accepted it at the time."`
}

// errNotGenuine is returned after the findings have been printed.
var errNotGenuine = exitError(exitRefused)

// Run verifies the file and prints what it shows.
func (c *verifyEvidenceCommand) Run(t *commandContext) (err error) {
	v := evidence.Verifier{AllowSHA1: c.AllowSHA1}
	authorities, err := readFiles(c.Trust)
	if err == nil {
		v.Trust, err = x509id.ParseTrustStore(0, authorities...)
	}
	if err != nil {
		return fmt.Errorf("--trust: %w", err)
	}
	keys, err := readFiles(c.PublicKey)
	if err == nil {
		v.PublicKeys, err = parsePublicKeys(keys)
	}
	if err != nil {
		return fmt.Errorf("--public-key: %w", err)
	}
	if c.Checkpoints != "" {
		if v.Anchor, err = os.ReadFile(c.Checkpoints); err != nil {
			return fmt.Errorf("--checkpoints: %w", err)
		}
	}
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	report, err := v.Verify(file, info.Size())
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the file
	}
	if _, err = io.WriteString(t.out, report.Text()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if len(report.Findings) > 0 {
		return errNotGenuine
	}
	return nil
}

// parsePublicKeys parses PEM files with Ed25519 public keys, such as "ctrd admin audit key" prints.
func parsePublicKeys(files [][]byte) ([]ed25519.PublicKey, error) {
	var all []ed25519.PublicKey
	for _, data := range files {
		found := false
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			key, err := x509.ParsePKIXPublicKey(block.Bytes)
			public, isEd25519 := key.(ed25519.PublicKey)
			if err != nil || !isEd25519 {
				return nil, errors.New("not an Ed25519 public key")
			}
			all, found = append(all, public), true
		}
		if !found {
			return nil, errors.New("not a PEM file")
		}
	}
	return all, nil
}
