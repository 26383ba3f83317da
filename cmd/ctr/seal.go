package main

import (
	"errors"
	"io"
	"time"

	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/sealing"
	"github.com/openctr/ctr/internal/terminal"
)

// This file contains the commands for sealed messages. They do not call a service.

// sealFlags are the flags of both commands.
type sealFlags struct {
	Trust []string `required:"" help:"PEM file with certificate authorities that you trust to issue certificates. Repeatable." type:"existingfile" placeholder:"FILE"`
	CRL   []string `name:"crl" help:"File with revocation lists (PEM or DER) of these authorities. Repeatable." type:"existingfile" placeholder:"FILE"`
	KEK   string   `name:"kek" help:"File with a key encryption key in base64, for readers who are not known when the message is sealed." type:"existingfile" placeholder:"FILE"`
	KEKID string   `name:"kek-id" help:"Identifier of that key in base64, as the key server gave it." placeholder:"ID"`
}

type sealCommand struct {
	sealFlags
	File string   `arg:"" help:"The file to seal." type:"existingfile"`
	Out  string   `short:"o" help:"The sealed file, which must not exist yet." required:"" type:"path" placeholder:"FILE"`
	To   []string `help:"File with the encryption token (ETK) of a recipient. Repeatable." type:"existingfile" placeholder:"FILE.etk"`
}

// files returns the names of the files with keys.
func (f sealFlags) files(c *commandLine) sealing.Files {
	return sealing.Files{
		Trust: f.Trust, CRL: f.CRL, P12: c.P12, PasswordFile: c.PasswordFile, KEK: f.KEK, KEKID: f.KEKID,
	}
}

// sealedFile is the answer of seal.
type sealedFile struct {
	File       string   `json:"file"`
	Recipients []string `json:"recipients"`
	KEK        bool     `json:"keyEncryptionKey"`
	ForSender  bool     `json:"forSender"`
}

// Run seals a file.
func (s *sealCommand) Run(c *commandLine, t *commandContext) error {
	if len(s.To) == 0 && s.KEK == "" {
		return errors.New("no reader: name one with --to=FILE.etk, or a key with --kek and --kek-id")
	}
	sealed, err := s.files(c).Seal(s.File, s.Out, s.To, t.now())
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with which file
	}
	answer := &sealedFile{s.Out, sealed.Recipients, s.KEK != "", sealed.ForSender}
	return t.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%s written, sealed for %d recipient(s)\n", s.Out, len(answer.Recipients))
		for _, recipient := range answer.Recipients {
			_ = terminal.Printf(w, "  %s\n", recipient)
		}
		if answer.KEK {
			_ = terminal.Printf(w, "  whoever gets the key encryption key\n")
		}
		if !answer.ForSender {
			_ = terminal.Printf(w, "Your .p12 file has no encryption key that is valid now: you cannot open it yourself.\n")
		}
	})
}

type unsealCommand struct {
	sealFlags
	File            string `arg:"" help:"The sealed file." type:"existingfile"`
	Out             string `short:"o" help:"The file for the content, which must not exist yet." required:"" type:"path" placeholder:"FILE"`
	AcceptUntrusted bool   `help:"Write the content although the seal does not prove who sent it. The findings say why."`
}

// unsealedFile is the answer of unseal.
type unsealedFile struct {
	File     string        `json:"file,omitempty"` // empty if it was not written
	Sender   string        `json:"sender"`         // of the certificate; believe it only without serious findings
	SignedAt *time.Time    `json:"signedAt,omitempty"`
	Findings []sealFinding `json:"findings"`
}

type sealFinding struct {
	Code    problem.Code `json:"code"`
	Detail  string       `json:"detail,omitempty"`
	Serious bool         `json:"serious"`
	text    string
}

// Run opens a sealed file.
func (u *unsealCommand) Run(c *commandLine, t *commandContext) error {
	opened, err := u.files(c).Unseal(u.File, u.Out, u.AcceptUntrusted, t.now())
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with which file
	}
	answer := newUnsealedFile(opened)
	if opened.IsTrusted() || u.AcceptUntrusted {
		answer.File = u.Out
	}
	if err = t.printAnswer(answer, answer.writeText); err == nil && !opened.IsTrusted() {
		return exitError(exitRefused)
	}
	return err
}

func newUnsealedFile(o *cms.Opened) *unsealedFile {
	answer := &unsealedFile{Sender: o.Signer.Subject.CommonName, Findings: []sealFinding{}}
	if !o.SigningTime.IsZero() {
		at := o.SigningTime.UTC()
		answer.SignedAt = &at
	}
	for _, f := range o.Findings {
		entry, _ := problem.Lookup(f.Code)
		answer.Findings = append(answer.Findings,
			sealFinding{f.Code, f.Detail.String(), f.IsSerious, entry.Text(terminalLanguage)})
	}
	return answer
}

// writeText writes the answer as text.
func (f *unsealedFile) writeText(w io.Writer) {
	_ = terminal.Printf(w, "sealed by    %s\n", f.Sender)
	if f.SignedAt != nil {
		_ = terminal.Printf(w, "signed at    %s\n", f.SignedAt.Format(time.RFC3339))
	}
	for _, finding := range f.Findings {
		kind := "warning"
		if finding.Serious {
			kind = "not trusted"
		}
		_ = terminal.Printf(w, "%-12s %s  %s", kind, finding.Code, finding.text)
		if finding.Detail != "" {
			_ = terminal.Printf(w, " (%s)", finding.Detail)
		}
		_, _ = io.WriteString(w, "\n")
	}
	if f.File == "" {
		_ = terminal.Printf(w, "Nothing was written. With --accept-untrusted the content is written all the same.\n")
		return
	}
	_ = terminal.Printf(w, "%s written\n", f.File)
}
