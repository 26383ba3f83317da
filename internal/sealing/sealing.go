// Package sealing seals and opens files, with the keys, tokens and trusted authorities of other files. Files is the
// entry point.
//
// It is separate from the command that calls it so that other programs can use it, and from package cms, which knows no
// files.
package sealing

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/durable"
	"github.com/openctr/ctr/internal/message/cms"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/revocation"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// Files are the names of the files with keys and trusted authorities. All but Trust may be empty.
type Files struct {
	Trust, CRL        []string
	P12, PasswordFile string
	KEK               string // a key encryption key in base64
	KEKID             string // its identifier in base64
}

// RefusalError is the refusal of a message, a token or a key. Other errors are about files.
type RefusalError struct{ error }

// Unwrap returns the refusal.
func (e RefusalError) Unwrap() error { return e.error }

// refuse adds the words of a refusal's code. Other errors stay as they are.
func refuse(what string, err error) error {
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", what, err)
	}
	entry, _ := problem.Lookup(p.Code)
	return RefusalError{fmt.Errorf("%s: %w. %s", what, err, entry.Text(texts.English))}
}

func readFiles(names []string) ([][]byte, error) {
	all := make([][]byte, 0, len(names))
	for _, name := range names {
		data, err := os.ReadFile(name) //nolint:gosec // the path is the user's own
		if err != nil {
			return nil, err //nolint:wrapcheck // names the file
		}
		all = append(all, data)
	}
	return all, nil
}

func (f Files) readTrust() (*x509id.TrustStore, error) {
	authorities, err := readFiles(f.Trust)
	if err != nil {
		return nil, err
	}
	trust, err := x509id.ParseTrustStore(0, authorities...)
	if err != nil {
		return nil, fmt.Errorf("the trusted authorities: %w", err)
	}
	lists, err := readFiles(f.CRL)
	if err != nil {
		return nil, err
	}
	store := revocation.NewCRLStore(trust)
	for _, list := range lists {
		if err = store.AddCRL(list); err != nil {
			return nil, fmt.Errorf("the revocation lists: %w", err)
		}
	}
	return trust, nil
}

// readKEKs returns the key encryption key, if there is one.
func (f Files) readKEKs() ([]cms.KeyEncryptionKey, error) {
	if (f.KEK == "") != (f.KEKID == "") {
		return nil, errors.New("a key encryption key and its identifier belong together")
	}
	if f.KEK == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.KEK)
	if err != nil {
		return nil, fmt.Errorf("the key encryption key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.New("the key encryption key: the file does not contain base64") // the error would quote the key
	}
	id, err := base64.StdEncoding.DecodeString(f.KEKID)
	if err != nil {
		return nil, fmt.Errorf("the identifier of the key encryption key: %w", err)
	}
	return []cms.KeyEncryptionKey{{ID: id, Key: key}}, nil
}

// readP12 returns the content of the .p12 file with its password.
func (f Files) readP12() (data []byte, password string, err error) {
	if f.P12 == "" || f.PasswordFile == "" {
		return nil, "", errors.New("missing: a .p12 file and the file with its password")
	}
	if data, err = os.ReadFile(f.P12); err != nil {
		return nil, "", fmt.Errorf("the .p12 file: %w", err)
	}
	password, err = p12.ReadPasswordFile(f.PasswordFile)
	return data, password, err
}

// readDecryptionKeys returns all keys of the .p12 file.
func (f Files) readDecryptionKeys(now time.Time) ([]*x509id.Key, error) {
	data, password, err := f.readP12()
	if err != nil {
		return nil, err
	}
	keys, err := p12.DecodeReadableKeys(data, password, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.P12, err)
	}
	return keys, nil
}

// Sealed says for whom a file was sealed.
type Sealed struct {
	Recipients []string // TYPE=id[, APPLICATION] of each token
	ForSender  bool     // the sender can open it too
}

// Seal seals a file for the holders of the tokens in other files, and for whoever gets the key encryption key. The
// sealed file must not exist.
func (f Files) Seal(file, out string, to []string, now time.Time) (sealed *Sealed, err error) {
	sealer, sealed, err := f.prepare(to, now)
	if err != nil {
		return nil, err
	}
	content, err := os.Open(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("the file: %w", err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	info, err := content.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file, whose length is known", file)
	case info.Size() > cms.MaxBytes*9/10: // whatever the recipients add
		return nil, fmt.Errorf("%s is larger than a sealed message may be", file)
	}
	err = durable.CreateWith(out, func(w io.Writer) error {
		return sealer.SealMessage(w, content, info.Size(), now)
	})
	if err != nil {
		return nil, refuse("seal", err)
	}
	return sealed, nil
}

// prepare reads the keys and verifies the tokens of the recipients.
func (f Files) prepare(to []string, now time.Time) (*cms.Sealer, *Sealed, error) {
	trust, err := f.readTrust()
	if err != nil {
		return nil, nil, err
	}
	data, password, err := f.readP12()
	if err != nil {
		return nil, nil, err
	}
	sealer := &cms.Sealer{Random: rand.Reader}
	if sealer.Key, err = p12.DecodeSigningKey(data, password, now); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.P12, err)
	}
	if err = trust.VerifyWithIssuers(sealer.Key.Chain, sealer.Key.Certificate, now); err != nil {
		return nil, nil, refuse(f.P12, err)
	}
	keys, err := p12.DecodeReadableKeys(data, password, now)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.P12, err)
	}
	if sealer.KEKs, err = f.readKEKs(); err != nil {
		return nil, nil, err
	}
	answer := &Sealed{Recipients: []string{}}
	for _, name := range to {
		token, err := readToken(name, trust, now)
		if err != nil {
			return nil, nil, err
		}
		sealer.Recipients = append(sealer.Recipients, token.Certificate)
		answer.Recipients = append(answer.Recipients, token.Holder.String())
	}
	if own := cms.FindEncryptionCertificate(keys, now); own != nil {
		sealer.Recipients, answer.ForSender = append(sealer.Recipients, own), true
	}
	return sealer, answer, nil
}

func readToken(name string, trust *x509id.TrustStore, now time.Time) (*cms.Token, error) {
	file, err := os.Open(name) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, cms.MaxTokenBytes+1))
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	token, err := cms.ParseToken(data, trust, now)
	if err != nil {
		return nil, refuse(name, err)
	}
	return token, nil
}

// Unseal opens a sealed file, and writes its content to a file that must not exist: only if its sender can be believed,
// unless acceptUntrusted is set.
func (f Files) Unseal(file, out string, acceptUntrusted bool, now time.Time) (*cms.Opened, error) {
	opener := &cms.Opener{Random: rand.Reader}
	var err error
	if opener.Trust, err = f.readTrust(); err != nil {
		return nil, err
	}
	if opener.KEKs, err = f.readKEKs(); err != nil {
		return nil, err
	}
	if f.P12 != "" || len(opener.KEKs) == 0 {
		if opener.Keys, err = f.readDecryptionKeys(now); err != nil {
			return nil, err
		}
	}
	sealed, err := readSealedFile(file)
	if err != nil {
		return nil, refuse(file, err)
	}
	opened, err := opener.OpenMessage(sealed, now)
	if err != nil {
		return nil, refuse(file, err)
	}
	if !opened.IsTrusted() && !acceptUntrusted {
		return opened, nil
	}
	err = durable.CreateWith(out, func(w io.Writer) error {
		_, writeErr := w.Write(opened.Content)
		return writeErr //nolint:wrapcheck // names the file
	})
	if err != nil {
		return nil, fmt.Errorf("the new file: %w", err)
	}
	return opened, nil
}

// readSealedFile reads a file whose size is known, in the memory that it needs.
func readSealedFile(name string) ([]byte, error) {
	switch info, err := os.Stat(name); {
	case err != nil:
		return nil, err //nolint:wrapcheck // names the file
	case info.Size() > cms.MaxBytes:
		return nil, problem.New(cms.TooLarge, problem.DetailAtMostBytes.With(cms.MaxBytes))
	}
	return os.ReadFile(name) //nolint:gosec,wrapcheck // the path is the user's own
}
