package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/openctr/ctr/internal/admin"
	"github.com/openctr/ctr/internal/register/ident"
)

// evidenceCommand writes the evidence of a notification.
type evidenceCommand struct {
	registerFlags
	who
	Number string   `arg:"" help:"Notification number."`
	Output string   `short:"o" help:"File to write, a zip; evidence-NUMBER.zip when left out." type:"path" placeholder:"FILE"`
	Trust  []string `help:"PEM file of certification authorities; those that issued the signers' certificates are put in. Repeatable." type:"path" placeholder:"FILE"`
	Reason string   `help:"Why it is handed out, which is kept in the audit trail." placeholder:"REASON"`
}

// Run records that the evidence is handed out, and writes it.
func (c *evidenceCommand) Run(e environment) (err error) {
	number, err := ident.ParseNotificationNumber(c.Number)
	if err != nil {
		return fmt.Errorf("NUMBER: %w", err)
	}
	if c.Reason != "" {
		if err = admin.CheckReason(c.Reason); err != nil {
			return fmt.Errorf("--reason: %w", err)
		}
	}
	issuers, err := authorities(c.Trust)
	if err != nil {
		return err
	}
	db, err := c.open(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = c.operator(db).Record(e.ctx, admin.Act{Operation: admin.ActEvidence, Reason: c.Reason, Number: number}); err != nil {
		return err
	}
	// What was accepted a moment ago is not sealed yet.
	if err = c.seal(e, db); err != nil {
		return err
	}
	var file bytes.Buffer
	if err = (admin.Evidence{Store: db, Now: time.Now, Issuers: issuers}).Write(e.ctx, number, &file); err != nil {
		return err
	}
	name := c.Output
	if name == "" {
		name = "evidence-" + number.Digits() + ".zip"
	}
	if err = os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	_, err = fmt.Fprintln(e.stdout, name)
	return err
}

func authorities(files []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, name := range files {
		octets, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--trust: %w", err)
		}
		for {
			var block *pem.Block
			if block, octets = pem.Decode(octets); block == nil {
				break
			}
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("--trust %s: %w", name, err)
			}
			all = append(all, certificate)
		}
	}
	return all, nil
}
