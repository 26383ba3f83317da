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
	"strings"

	"github.com/openctr/ctr/internal/message/pki"
)

// This file holds the commands about the certificate that signs. None of them calls a service.

type certCommand struct {
	Show     certShowCommand     `cmd:"" help:"Tell who you are to a service, for how long, and what is wrong with the certificate or its file."`
	Password certPasswordCommand `cmd:"" help:"Change the password of a .p12 file. The old file stays until the new one is safe on the disk."`
	Convert  certConvertCommand  `cmd:"" help:"Write a .p12 file of an older program anew, with the encryption of today (PBES2, AES-256, SHA-256)."`
	Extract  certExtractCommand  `cmd:"" help:"Write the certificate as PEM, and on request its issuers and the key."`
}

// certFile is the .p12 file that a command is about.
type certFile struct {
	File string `arg:"" optional:"" help:"The .p12 file; that of --p12 when left out." type:"existingfile"`
}

// openedFile is a .p12 file that its password opens.
type openedFile struct {
	name     string
	octets   []byte
	password string
	key      *pki.Key // that signs
}

func (f certFile) open(c *commands) (*openedFile, error) {
	o := &openedFile{name: cmp.Or(f.File, c.P12)}
	switch {
	case o.name == "":
		return nil, errors.New("which certificate? Give the .p12 file")
	case c.PasswordFile == "":
		return nil, errors.New("missing flags: --password-file=FILE")
	}
	var err error
	if o.octets, err = os.ReadFile(o.name); err != nil {
		return nil, fmt.Errorf("the .p12 file: %w", err)
	}
	if o.password, err = readPassword(c.PasswordFile); err != nil {
		return nil, err
	}
	if o.key, err = pki.ReadP12(o.octets, o.password); err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return o, nil
}

// readPassword reads a password from a file. The line end is not part of it.
func readPassword(file string) (string, error) {
	octets, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the password file: %w", err)
	}
	return strings.TrimRight(string(octets), "\r\n"), nil
}

// rewritten is the same content with the encryption of today. It has been read back and compared.
func (o *openedFile) rewritten(password string) ([]byte, int, error) {
	keys, err := allKeys(o.octets, o.password)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", o.name, err)
	}
	octets, err := pki.WriteP12(keys, password, storeIterations, rand.Reader)
	if err != nil {
		return nil, 0, fmt.Errorf("the new .p12 file: %w", err)
	}
	back, err := allKeys(octets, password)
	if err != nil {
		return nil, 0, fmt.Errorf("the new .p12 file: %w", err)
	}
	if !sameKeys(keys, back) {
		return nil, 0, errors.New("the new .p12 file does not hold what the old one does; nothing was changed")
	}
	return octets, len(keys), nil
}

func sameKeys(a, b []*pki.Key) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Certificate.Equal(b[i].Certificate) || a[i].Name != b[i].Name ||
			!bytes.Equal(pki.EncodePEM(a[i].Chain...), pki.EncodePEM(b[i].Chain...)) {
			return false
		}
	}
	return true
}

// written is the answer of the commands that write a file.
type written struct {
	File         string `json:"file"`
	Keys         int    `json:"keys"`
	Certificates int    `json:"certificates,omitempty"`
}

type certPasswordCommand struct {
	certFile
	NewPasswordFile string `help:"File with the new password." required:"" type:"existingfile" placeholder:"FILE"`
}

// Run changes the password of a .p12 file.
func (p *certPasswordCommand) Run(c *commands, t *terminal) error {
	file, err := p.open(c)
	if err != nil {
		return err
	}
	password, err := readPassword(p.NewPasswordFile)
	switch {
	case err != nil:
		return err
	case password == "":
		return fmt.Errorf("--new-password-file: %s is empty, and a key without a password is anybody's", p.NewPasswordFile)
	}
	octets, keys, err := file.rewritten(password)
	if err != nil {
		return err
	}
	if err = replaceFile(file.name, octets); err != nil {
		return err
	}
	return t.print(written{File: file.name, Keys: keys}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s has its new password, with %d key(s); the encryption is PBES2 with AES-256.\n"+
			"Give the new password to every program that uses the file. Copies of the old file keep the old one.\n", file.name, keys)
	})
}

type certConvertCommand struct {
	certFile
	Out string `short:"o" help:"The new file, which must not exist yet." required:"" type:"path" placeholder:"FILE.p12"`
}

// Run writes a .p12 file anew.
func (v *certConvertCommand) Run(c *commands, t *terminal) error {
	file, err := v.open(c)
	if err != nil {
		return err
	}
	octets, keys, err := file.rewritten(file.password)
	if err != nil {
		return err
	}
	if err = createFile(v.Out, octets); err != nil {
		return err
	}
	return t.print(written{File: v.Out, Keys: keys}, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s written: the same %d key(s) and password, encrypted with PBES2 and AES-256. %s is as it was.\n", v.Out, keys, file.name)
	})
}

type certExtractCommand struct {
	certFile
	Out   string `short:"o" help:"The new file, which must not exist yet; standard output when left out." type:"path" placeholder:"FILE.pem"`
	Chain bool   `help:"Also the certificates of its issuers, as far as the file holds them."`
	Key   bool   `help:"Also the private key, WITHOUT a password. Needs -o; only you can read the file."`
}

// Run writes the certificate as PEM.
func (x *certExtractCommand) Run(c *commands, t *terminal) error {
	if x.Key && x.Out == "" {
		return errors.New("--key needs -o FILE.pem: a private key does not belong on a screen")
	}
	file, err := x.open(c)
	if err != nil {
		return err
	}
	all := []*x509.Certificate{file.key.Certificate}
	if x.Chain {
		all = append(all, file.key.Chain...)
	}
	octets := pki.EncodePEM(all...)
	if x.Out == "" {
		return t.print(struct {
			PEM string `json:"pem"`
		}{string(octets)}, func(w io.Writer) { _, _ = w.Write(octets) })
	}
	answer := written{File: x.Out, Certificates: len(all)}
	if x.Key {
		der, failed := x509.MarshalPKCS8PrivateKey(file.key.Signer)
		if failed != nil {
			return fmt.Errorf("the key: %w", failed)
		}
		octets = append(octets, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
		answer.Keys = 1
	}
	if err = createFile(x.Out, octets); err != nil {
		return err
	}
	return t.print(answer, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s written: %d certificate(s)\n", x.Out, len(all))
		if x.Key {
			_, _ = fmt.Fprintln(w, "It holds the private key without a password: whoever reads it can sign in your name. Remove it as soon as you can.")
		}
	})
}

// replaceFile puts new content in the place of a file. The old content stays until the new one is safe on the disk, so
// that at every instant there is one of the two. Only the owner can read the new file.
func replaceFile(name string, octets []byte) error {
	name, err := filepath.EvalSymlinks(name) // a link stays a link
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	directory := filepath.Dir(name)
	temporary, err := os.CreateTemp(directory, "."+filepath.Base(name)+".*") // with mode 0600
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	if err = fill(temporary, octets); err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("%s is as it was: %w", name, errors.Join(err, os.Remove(temporary.Name())))
	}
	return syncDirectory(directory)
}

// createFile makes a file that only its owner can read, and takes nobody's place.
func createFile(name string, octets []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the new file: %w", err)
	}
	if err = fill(file, octets); err != nil {
		return fmt.Errorf("the new file: %w", errors.Join(err, os.Remove(name)))
	}
	return syncDirectory(filepath.Dir(name))
}

// fill writes a file, and returns when it is on the disk.
func fill(file *os.File, octets []byte) error {
	_, err := file.Write(octets)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncDirectory brings a name to the disk.
func syncDirectory(name string) error {
	directory, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("the folder: %w", err)
	}
	if err = errors.Join(directory.Sync(), directory.Close()); err != nil {
		return fmt.Errorf("the folder: %w", err)
	}
	return nil
}
