package identity

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/openctr/ctr/internal/durable"
)

// KeyFile is the place of the key file.
type KeyFile struct {
	Path string
	// MustExist says not to create it for a new register.
	MustExist bool
	// IsCredential says that the service manager provides the file and protects it. It cannot be changed in place.
	IsCredential bool
}

// ErrNoKeyFile reports that there is no key file where one must exist for a new register.
var ErrNoKeyFile = errors.New("there is no key file")

// keyRing holds the keys that seal the register's pseudonyms. They are in a file outside the database. The process
// reads the file again when a row names a key that is not loaded, because another process may have added it.
type keyRing struct {
	KeyFile
	fileMutex sync.Mutex // serialises access to the file
	keys      atomic.Pointer[[]*ringKey]
}

// ringKey is one key of the ring: an epoch, with the keys derived from its secret. No derived key discloses another
// one.
type ringKey struct {
	keyEntry
	lookupKey []byte      // HMAC key of the hashes that find an SSIN
	aead      cipher.AEAD // seals pseudonyms
	proof     []byte      // detects another secret under the same id
	rightsKey []byte      // HMAC key of the seals of rows that give rights
	totalKey  []byte      // HMAC key of what a row adds to the total of its table
}

// keyEntry is an element of the key file, a JSON array of keys, newest first.
type keyEntry struct {
	ID      string `json:"id"`
	Created string `json:"created"` // the day, by the clock of the database
	Secret  []byte `json:"secret"`  // 32 random bytes, in base64
	// RightsSealed says that the rows that give rights were sealed: unsealed ones are never sealed again.
	RightsSealed bool `json:"rights_sealed,omitempty"`
}

// KeyFileName is the default name of the key file; the other constants bound what it may hold.
const (
	KeyFileName          = "keys.json"
	keySecretSize        = 32
	maxKeyFileSize       = 1 << 16
	keyFileMode          = 0o600
	forbiddenKeyFileMode = 0o077
	// forbiddenCredentialMode lets the bits of the group be: systemd grants the read access of the service's user by an
	// access control list, whose mask they then are.
	forbiddenCredentialMode = 0o007
)

// String names the key file. No way of printing the ring discloses a secret.
func (k *keyRing) String() string { return "keys in " + k.Path }

// GoString is String for %#v.
func (k *keyRing) GoString() string { return k.String() }

// allKeys returns the loaded keys, newest first.
func (k *keyRing) allKeys() []*ringKey {
	if keys := k.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}

// cachedKey returns the loaded key with an id, or nil.
func (k *keyRing) cachedKey(id string) *ringKey {
	for _, key := range k.allKeys() {
		if key.ID == id {
			return key
		}
	}
	return nil
}

// findKey returns the key with an id, and loads the file when it is not loaded.
func (k *keyRing) findKey(id string) (*ringKey, error) {
	if key := k.cachedKey(id); key != nil {
		return key, nil
	}
	if err := k.loadFile(); err != nil {
		return nil, err
	}
	if key := k.cachedKey(id); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf(
		"persons are sealed with the key %s, which is not in the key file %s: restore the file that "+
			"contains it",
		id,
		k.Path,
	)
}

// loadFile reads the key file. The error is fs.ErrNotExist when there is none.
func (k *keyRing) loadFile() error {
	k.fileMutex.Lock()
	defer k.fileMutex.Unlock()
	entries, err := k.readFile()
	if err != nil {
		return err
	}
	return k.setEntries(entries)
}

func (k *keyRing) readFile() ([]keyEntry, error) {
	if k.IsCredential {
		return readKeyFile(k.Path, forbiddenCredentialMode)
	}
	return readKeyFile(k.Path, forbiddenKeyFileMode)
}

// setEntries replaces the keys by those of the entries. Lookups in progress keep using the old keys.
func (k *keyRing) setEntries(entries []keyEntry) error {
	keys := make([]*ringKey, len(entries))
	for i, entry := range entries {
		var err error
		if keys[i], err = newRingKey(entry); err != nil {
			return fmt.Errorf("key file %s: %w", k.Path, err)
		}
	}
	k.keys.Store(&keys)
	return nil
}

func newRingKey(entry keyEntry) (*ringKey, error) {
	key := &ringKey{keyEntry: entry}
	var sealing []byte
	for purpose, derived := range map[string]*[]byte{"lookup": &key.lookupKey, "seal": &sealing, "proof": &key.proof,
		"rights": &key.rightsKey, "rights total": &key.totalKey} {
		var err error
		if *derived, err = hkdf.Key(sha256.New, entry.Secret, nil, "ctr subject "+purpose, keySecretSize); err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
	}
	var err error
	key.aead, err = newAEAD(sealing)
	return key, err
}

// lookupHash is the value of an SSIN in the table subject_lookup, for a purpose.
func (k *ringKey) lookupHash(purpose Purpose, digits string) []byte {
	mac := hmac.New(sha256.New, k.lookupKey)
	if purpose != Patient { // the hashes of patients are as they were before there were purposes
		_, _ = mac.Write([]byte(purpose + " ")) // never fails
	}
	_, _ = mac.Write([]byte(digits)) // never fails
	return mac.Sum(nil)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return cipher.NewGCM(block)
}

// sealBytes encrypts with a fresh nonce, which precedes the ciphertext. The associated data binds the result to its
// place in the database: bytes that are moved to another row do not open.
func sealBytes(aead cipher.AEAD, plain []byte, associatedData string) []byte {
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process on an error
	return aead.Seal(nonce, nonce, plain, []byte(associatedData))
}

func openBytes(aead cipher.AEAD, sealed []byte, associatedData string) ([]byte, error) {
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("sealed bytes are cut off")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(associatedData))
}

// readKeyFile reads a key file, and refuses one that other users can access.
func readKeyFile(path string, forbidden fs.FileMode) (_ []keyEntry, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxKeyFileSize:
		return nil, fmt.Errorf("key file %s: not a file of keys", path)
	case info.Mode().Perm()&forbidden != 0:
		return nil, fmt.Errorf("key file %s: other users than its owner can read or write it: run chmod 600 on it, "+
			"and rotate its keys if another user read it", path)
	}
	var entries []keyEntry
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	// The decoder's error is dropped, because it may quote a part of the file.
	if decoder.Decode(&entries) != nil || decoder.More() || !areValidKeyEntries(entries) {
		return nil, fmt.Errorf(
			"key file %s: not a list of keys, each with its own id, the day when it was created, and a "+
				"secret of 32 bytes in base64",
			path,
		)
	}
	return entries, nil
}

func areValidKeyEntries(entries []keyEntry) bool {
	ids := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if entry.ID == "" || ids[entry.ID] || len(entry.Secret) != keySecretSize {
			return false
		}
		ids[entry.ID] = true
	}
	return len(entries) > 0
}

// newKeyEntry generates a key.
func newKeyEntry(day string) keyEntry {
	secret := make([]byte, keySecretSize)
	_, _ = rand.Read(secret) // never fails
	return keyEntry{ID: day + "-" + strings.ToLower(rand.Text()[:8]), Created: day, Secret: secret, RightsSealed: true}
}

// createFile creates the key file with one key. The error is fs.ErrExist when another program was faster.
func (k *keyRing) createFile(day string) error {
	k.fileMutex.Lock()
	defer k.fileMutex.Unlock()
	if k.MustExist || k.IsCredential {
		return fmt.Errorf("%w %s", ErrNoKeyFile, k.Path)
	}
	if err := CreateKeyFile(k.Path, day); err != nil {
		return err
	}
	entries, err := k.readFile()
	if err != nil {
		return err
	}
	return k.setEntries(entries)
}

// ErrCredential reports that the key file cannot be changed where it is.
var ErrCredential = errors.New("it is a credential of the service manager: change its source, and restart the service")

// CreateKeyFile creates a key file with one key, which was created on a day, and the directory of the file. The error
// is fs.ErrExist when there is a file.
func CreateKeyFile(path, day string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return writeKeyFile(path, []keyEntry{newKeyEntry(day)}, os.Link)
}

// rewriteFile replaces the key file by one with the edited entries.
func (k *keyRing) rewriteFile(edit func([]keyEntry) []keyEntry) error {
	k.fileMutex.Lock()
	defer k.fileMutex.Unlock()
	if k.IsCredential {
		return fmt.Errorf("key file %s: %w", k.Path, ErrCredential)
	}
	entries, err := k.readFile()
	if err != nil {
		return err
	}
	entries = edit(entries)
	if err := writeKeyFile(k.Path, entries, os.Rename); err != nil {
		return err
	}
	return k.setEntries(entries)
}

// addKey generates a key, inserts it before the others, and returns its id.
func (k *keyRing) addKey(day string) (string, error) {
	key := newKeyEntry(day)
	return key.ID, k.rewriteFile(func(entries []keyEntry) []keyEntry { return slices.Insert(entries, 0, key) })
}

// areRightsSealed reports whether the key file says that the rows that give rights were sealed.
func (k *keyRing) areRightsSealed() bool {
	return slices.ContainsFunc(k.allKeys(), func(key *ringKey) bool { return key.RightsSealed })
}

// markRights notes in the key file that the rows that give rights were sealed.
func (k *keyRing) markRights() error {
	return k.rewriteFile(func(entries []keyEntry) []keyEntry {
		for i := range entries {
			entries[i].RightsSealed = true
		}
		return entries
	})
}

// removeKey deletes a key from the file.
func (k *keyRing) removeKey(id string) error {
	return k.rewriteFile(func(entries []keyEntry) []keyEntry {
		return slices.DeleteFunc(entries, func(entry keyEntry) bool { return entry.ID == id })
	})
}

// writeKeyFile writes the file atomically: it syncs a temporary file in the same directory, then publishes it by
// publish, which is os.Link or os.Rename.
func writeKeyFile(path string, entries []keyEntry, publish func(from, to string) error) (err error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetIndent("", "\t")
	if err = encoder.Encode(entries); err != nil { //nolint:gosec // the file is meant to hold the secrets
		return fmt.Errorf("key file: %w", err)
	}
	temporary := path + "." + strings.ToLower(rand.Text())
	defer func() {
		if removeErr := os.Remove(temporary); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err = durable.Create(temporary, buffer.Bytes()); err == nil {
		err = publish(temporary, path)
	}
	if err == nil {
		err = durable.SyncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}
