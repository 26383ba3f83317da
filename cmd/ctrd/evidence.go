package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/evidence"
	"github.com/openctr/ctr/internal/operator"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/terminal"
)

// evidenceCommand writes the evidence of a notification.
type evidenceCommand struct {
	registerFlags
	operatorFlags
	Number string   `arg:"" help:"Notification number." type:"digits"`
	Output string   `short:"o" help:"ZIP file to write; evidence-NUMBER.zip if omitted." type:"path" placeholder:"FILE"`
	Trust  []string `help:"PEM file of certification authorities; those that issued the signers' certificates are included. Repeatable." type:"path" placeholder:"FILE"`
	Reason string   `help:"Reason for the export, which the audit log records." placeholder:"REASON"`
}

// Run records the export in the audit log, then writes the evidence.
func (c *evidenceCommand) Run(e environment) (err error) {
	number, err := ident.ParseNotificationNumber(c.Number)
	if err != nil {
		return fmt.Errorf("NUMBER: %w", err)
	}
	if c.Reason != "" {
		if err = operator.CheckReason(c.Reason); err != nil {
			return fmt.Errorf("--reason: %w", err)
		}
	}
	issuers, err := readAuthorities(c.Trust)
	if err != nil {
		return err
	}
	db, err := c.openStore(e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = c.newOperator(db).RecordActions(
		e.ctx, operator.Action{Operation: operator.ActionEvidence, Reason: c.Reason, Number: number},
	); err != nil {
		return err
	}
	// Seal first: the newest events may not be sealed yet.
	if err = operator.SealAuditLog(e.ctx, db, c.Data, time.Now()); err != nil {
		return err
	}
	var file bytes.Buffer
	if err = (evidence.Export{Store: db, Now: time.Now, Issuers: issuers}).Write(
		e.ctx, number, &file,
	); err != nil {
		return err
	}
	name := c.Output
	if name == "" {
		name = "evidence-" + number.Digits() + ".zip"
	}
	if err = durable.Save(name, file.Bytes()); err != nil {
		return fmt.Errorf("the file: %w", err)
	}
	err = terminal.Printf(e.stdout, "%s\n", name)
	return err
}

func readAuthorities(files []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--trust: %w", err)
		}
		for {
			var block *pem.Block
			if block, data = pem.Decode(data); block == nil {
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
