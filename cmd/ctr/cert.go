package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/terminal"
)

// This file contains the commands for the signing certificate. They do not call a service.

type certCommand struct {
	Show     certShowCommand     `cmd:"" help:"Show how a service identifies you, for how long, and the problems of the certificate or its file."`
	Password certPasswordCommand `cmd:"" help:"Change the password of a .p12 file. The old file is kept until the new one is on disk."`
	Convert  certConvertCommand  `cmd:"" help:"Write a .p12 file of an older program again, with current encryption (PBES2, AES-256, SHA-256)."`
	Extract  certExtractCommand  `cmd:"" help:"Write the certificate as PEM, and on request its issuers and the key."`
}

// p12Argument is the .p12 file of a command.
type p12Argument struct {
	File string `arg:"" optional:"" help:"The .p12 file. Default: that of --p12." type:"existingfile"`
}

// openedP12 is a .p12 file that was opened with its password.
type openedP12 struct {
	name     string
	data     []byte
	password string
	key      *x509id.Key // the signing key
	now      time.Time   // at which it is valid, if one of the file is
}

func (f p12Argument) openP12(c *commandLine, t *commandContext) (*openedP12, error) {
	o := &openedP12{name: cmp.Or(f.File, c.P12), now: t.now()}
	switch {
	case o.name == "":
		return nil, errors.New("no .p12 file: name it, or set --p12=FILE")
	case c.PasswordFile == "":
		return nil, errors.New("missing flags: --password-file=FILE")
	}
	var err error
	if o.data, err = os.ReadFile(o.name); err != nil {
		return nil, fmt.Errorf("the .p12 file: %w", err)
	}
	if o.password, err = p12.ReadPasswordFile(c.PasswordFile); err != nil {
		return nil, err
	}
	if o.key, err = p12.DecodeSigningKey(o.data, o.password, o.now); err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return o, nil
}

// reencryptKeys returns the same keys in a new file with current encryption, and their number. The new file has been
// read back and compared.
func (o *openedP12) reencryptKeys(password string) ([]byte, int, error) {
	keys, err := p12.DecodeKeysToRewrite(o.data, o.password, o.now)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", o.name, err)
	}
	data, err := p12.EncodeKeys(keys, password, p12Iterations, rand.Reader)
	if err != nil {
		return nil, 0, fmt.Errorf("the new .p12 file: %w", err)
	}
	readBack, err := p12.DecodeKeysToRewrite(data, password, o.now)
	if err != nil {
		return nil, 0, fmt.Errorf("the new .p12 file: %w", err)
	}
	if !equalKeys(keys, readBack) {
		return nil, 0, errors.New("the new .p12 file does not contain the same keys as the old one; nothing was changed")
	}
	return data, len(keys), nil
}

func equalKeys(a, b []*x509id.Key) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Certificate.Equal(b[i].Certificate) || a[i].Name != b[i].Name ||
			!bytes.Equal(x509id.EncodePEM(a[i].Chain...), x509id.EncodePEM(b[i].Chain...)) {
			return false
		}
	}
	return true
}

// writtenFile is the answer of the commands that write a file.
type writtenFile struct {
	File         string `json:"file"`
	Keys         int    `json:"keys"`
	Certificates int    `json:"certificates,omitempty"`
}

// p12Iterations is the number of iterations of the password hash for each part of a new file.
const p12Iterations = 100_000

type certPasswordCommand struct {
	p12Argument
	NewPasswordFile string `help:"File with the new password." required:"" type:"existingfile" placeholder:"FILE"`
}

// Run changes the password of a .p12 file.
func (p *certPasswordCommand) Run(c *commandLine, t *commandContext) error {
	file, err := p.openP12(c, t)
	if err != nil {
		return err
	}
	password, err := p12.ReadPasswordFile(p.NewPasswordFile)
	switch {
	case err != nil:
		return err
	case password == "":
		return fmt.Errorf("--new-password-file: %s is empty; a key needs a password", p.NewPasswordFile)
	}
	data, keys, err := file.reencryptKeys(password)
	if err != nil {
		return err
	}
	if err = replaceFile(file.name, data); err != nil {
		return err
	}
	return t.printAnswer(writtenFile{File: file.name, Keys: keys}, func(w io.Writer) {
		_ = terminal.Printf(w, "%s has the new password. It contains %d key(s), encrypted with PBES2 and AES-256.\n"+
			"Change the password in every program that uses the file. Copies of the old file keep the old password.\n",
			file.name, keys)
	})
}

type certConvertCommand struct {
	p12Argument
	Out string `short:"o" help:"The new file, which must not exist yet." required:"" type:"path" placeholder:"FILE.p12"`
}

// Run writes a .p12 file with current encryption.
func (v *certConvertCommand) Run(c *commandLine, t *commandContext) error {
	file, err := v.openP12(c, t)
	if err != nil {
		return err
	}
	data, keys, err := file.reencryptKeys(file.password)
	if err != nil {
		return err
	}
	if err = createFile(v.Out, data); err != nil {
		return err
	}
	return t.printAnswer(writtenFile{File: v.Out, Keys: keys}, func(w io.Writer) {
		_ = terminal.Printf(
			w, "%s written: the same %d key(s) and password, encrypted with PBES2 and AES-256. %s is unchanged.\n", v.Out, keys,
			file.name,
		)
	})
}

type certExtractCommand struct {
	p12Argument
	Out   string `short:"o" help:"The new file, which must not exist yet. Default: standard output." type:"path" placeholder:"FILE.pem"`
	Chain bool   `help:"Also write the issuer certificates that the file contains."`
	Key   bool   `help:"Also write the private key, WITHOUT a password. Needs -o; only you can read the file."`
}

// Run writes the certificate as PEM.
func (x *certExtractCommand) Run(c *commandLine, t *commandContext) error {
	if x.Key && x.Out == "" {
		return errors.New("--key needs -o FILE.pem: a private key is not shown on a screen")
	}
	file, err := x.openP12(c, t)
	if err != nil {
		return err
	}
	all := []*x509.Certificate{file.key.Certificate}
	if x.Chain {
		all = append(all, file.key.Chain...)
	}
	data := x509id.EncodePEM(all...)
	if x.Out == "" {
		return t.printAnswer(struct {
			PEM string `json:"pem"`
		}{string(data)}, func(w io.Writer) { _, _ = w.Write(data) })
	}
	answer := writtenFile{File: x.Out, Certificates: len(all)}
	if x.Key {
		der, marshalErr := x509.MarshalPKCS8PrivateKey(file.key.Signer)
		if marshalErr != nil {
			return fmt.Errorf("the key: %w", marshalErr)
		}
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
		answer.Keys = 1
	}
	if err = createFile(x.Out, data); err != nil {
		return err
	}
	return t.printAnswer(answer, func(w io.Writer) {
		_ = terminal.Printf(w, "%s written: %d certificate(s)\n", x.Out, len(all))
		if x.Key {
			_ = terminal.Printf(w, "It contains the private key without a password: anyone who reads it can sign in your "+
				"name. Delete it as soon as you can.\n")
		}
	})
}

// replaceFile replaces the content of an existing file. The old content stays until the new one is on disk, so that one
// of the two exists at every moment. Only the owner can read the new file.
func replaceFile(name string, data []byte) error {
	name, err := filepath.EvalSymlinks(name) // a symbolic link stays a link
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	if err = durable.Save(name, data); err != nil {
		return fmt.Errorf("%s is unchanged: %w", name, err)
	}
	return nil
}

// createFile creates a file that only its owner can read. It fails if the file exists.
func createFile(name string, data []byte) error {
	if err := durable.Create(name, data); err != nil {
		return fmt.Errorf("the new file: %w", err)
	}
	return nil
}
