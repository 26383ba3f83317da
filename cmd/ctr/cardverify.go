package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/openctr/ctr/internal/implants/card/pdfua"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/terminal"
)

type verifyCardCommand struct {
	File   string   `arg:"" help:"The PDF file." type:"existingfile"`
	Trust  []string `required:"" help:"PEM file with certificate authorities that you trust. Repeatable." type:"existingfile" placeholder:"FILE"`
	Signer string   `help:"The certificate that must have signed, such as CBE=0403227020: the operator of the register. An authority also issues certificates to others." placeholder:"TYPE=ID"`
}

// maxCardBytes bounds the file; a card of 50 implants has 90 kB.
const maxCardBytes = 16 << 20

// cardVerification is what --json prints.
type cardVerification struct {
	Genuine  bool
	Finding  string     `json:",omitempty"`
	SignedBy string     `json:",omitempty"`
	SignedAt *time.Time `json:",omitempty"`
}

// Run verifies the file: the signature of every byte, and the certificate at the time of the signature.
func (c *verifyCardCommand) Run(t *commandContext) error {
	authorities, err := readFiles(c.Trust)
	if err != nil {
		return fmt.Errorf("--trust: %w", err)
	}
	trust, err := x509id.ParseTrustStore(0, authorities...)
	if err != nil {
		return fmt.Errorf("--trust: %w", err)
	}
	file, err := readCard(c.File)
	if err != nil {
		return err
	}
	result := c.verify(file, trust, t.now())
	if err = t.printAnswer(result, func(w io.Writer) { printVerification(w, c.File, &result) }); err != nil {
		return err
	}
	if !result.Genuine {
		return exitError(exitRefused)
	}
	return nil
}

func readCard(name string) (data []byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the card: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err = io.ReadAll(io.LimitReader(file, maxCardBytes+1))
	if err == nil && len(data) > maxCardBytes {
		err = errors.New("larger than any card")
	}
	if err != nil {
		return nil, fmt.Errorf("the card: %w", err)
	}
	return data, nil
}

// verify decides about the certificate at the time that the signer claims: nothing else proves that time.
func (c *verifyCardCommand) verify(file []byte, trust *x509id.TrustStore, now time.Time) cardVerification {
	signature, err := pdfua.VerifySignature(file)
	if err != nil {
		return cardVerification{Finding: err.Error()}
	}
	subject, err := x509id.SubjectFromCertificate(signature.Certificate)
	result := cardVerification{SignedBy: subject.String(), SignedAt: &signature.SignedAt}
	switch trustErr := trust.VerifyWithIssuers(signature.Others, signature.Certificate, signature.SignedAt); {
	case trustErr != nil:
		result.Finding = "the signer's certificate is not trusted for that time: " + trustErr.Error()
	case err != nil:
		result.Finding = "the signer's certificate is not an eHealth certificate"
	case signature.SignedAt.After(now):
		result.Finding = "it was signed in the future"
	case c.Signer != "" && c.Signer != subject.String():
		result.Finding = "it was not signed by " + c.Signer
	default:
		result.Genuine = true
	}
	return result
}

func printVerification(w io.Writer, file string, result *cardVerification) {
	if !result.Genuine {
		_ = terminal.Printf(w, "%s: not verified: %s\n", file, result.Finding)
	} else {
		_ = terminal.Printf(w, "%s: genuine: not changed since it was signed\n", file)
	}
	if result.SignedAt != nil {
		_ = terminal.Printf(w, "  signed by %s at %s\n", result.SignedBy, result.SignedAt.Format(time.RFC3339))
	}
	if result.Genuine {
		_ = terminal.Printf(w, "  whether it is current, the page says to which its QR code leads\n")
	}
}
