package store

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
)

// keyring are the keys under which the register keeps who its persons are. They stand in a file beside the database, which
// this process reads again when it meets a key that it does not know: another one may have added it meanwhile.
type keyring struct {
	path    string
	changes sync.Mutex // one reads or writes the file
	keys    atomic.Pointer[[]*ringKey]
}

// ringKey is a key of the ring, with what is derived from its secret: no derived key tells anything about another one.
type ringKey struct {
	keyEntry
	lookup []byte      // of the HMAC under which a number is found
	aead   cipher.AEAD // seals subjects
	proof  []byte      // tells whether another secret goes by the same name
}

// keyEntry is a key as it stands in the file, which is a JSON array, newest first.
type keyEntry struct {
	ID      string `json:"id"`
	Created string `json:"created"` // the day, as the database has it
	Secret  []byte `json:"secret"`  // 32 random bytes, in base64
}

const (
	keyFileName   = "keys.json"
	secretSize    = 32
	keyFileLimit  = 1 << 16
	keyFileMode   = 0o600
	forbiddenMode = 0o077
)

// String tells nothing that should not be told, and neither does any other way of printing the ring.
func (k *keyring) String() string { return "keys in " + k.path }

// GoString is String, for %#v.
func (k *keyring) GoString() string { return k.String() }

// all are the keys, newest first.
func (k *keyring) all() []*ringKey {
	if keys := k.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}

// key finds a key by its name, or returns nil.
func (k *keyring) key(id string) *ringKey {
	for _, key := range k.all() {
		if key.ID == id {
			return key
		}
	}
	return nil
}

// find finds a key by its name, in the file if need be.
func (k *keyring) find(id string) (*ringKey, error) {
	if key := k.key(id); key != nil {
		return key, nil
	}
	if err := k.read(); err != nil {
		return nil, err
	}
	if key := k.key(id); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("persons are kept under the key %s, which is not in the key file %s: bring back the file that holds it", id, k.path)
}

// read reads the file. A file that is not there is fs.ErrNotExist.
func (k *keyring) read() error {
	k.changes.Lock()
	defer k.changes.Unlock()
	entries, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	return k.set(entries)
}

// set derives what the ring needs. Who is looking something up goes on with the ring that he has.
func (k *keyring) set(entries []keyEntry) error {
	keys := make([]*ringKey, len(entries))
	for i, entry := range entries {
		var err error
		if keys[i], err = newRingKey(entry); err != nil {
			return fmt.Errorf("key file %s: %w", k.path, err)
		}
	}
	k.keys.Store(&keys)
	return nil
}

func newRingKey(entry keyEntry) (*ringKey, error) {
	key := &ringKey{keyEntry: entry}
	var sealing []byte
	for purpose, derived := range map[string]*[]byte{"lookup": &key.lookup, "seal": &sealing, "proof": &key.proof} {
		var err error
		if *derived, err = hkdf.Key(sha256.New, entry.Secret, nil, "ctr subject "+purpose, secretSize); err != nil {
			return nil, fmt.Errorf("derive a key: %w", err)
		}
	}
	var err error
	key.aead, err = newAEAD(sealing)
	return key, err
}

// of is the place of a number in the table of lookups.
func (k *ringKey) of(digits string) []byte {
	mac := hmac.New(sha256.New, k.lookup)
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

// seal encrypts under a fresh nonce, which stands before the result. What it is for is bound to it: sealed bytes that are
// put in another place do not open.
func seal(aead cipher.AEAD, plain []byte, purpose string) []byte {
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the process instead
	return aead.Seal(nonce, nonce, plain, []byte(purpose))
}

func open(aead cipher.AEAD, sealed []byte, purpose string) ([]byte, error) {
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("sealed bytes are cut off")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(purpose))
}

// readKeyFile reads a file that nobody else can read.
func readKeyFile(path string) (_ []keyEntry, err error) {
	file, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	case !info.Mode().IsRegular() || info.Size() > keyFileLimit:
		return nil, fmt.Errorf("key file %s: not a file of keys", path)
	case info.Mode().Perm()&forbiddenMode != 0:
		return nil, fmt.Errorf("key file %s: others than its owner may read or write it: chmod 600 it, and renew its keys if anybody did", path)
	}
	var entries []keyEntry
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	// What the decoder says may repeat a part of the file.
	if decoder.Decode(&entries) != nil || decoder.More() || !areKeys(entries) {
		return nil, fmt.Errorf("key file %s: not a list of keys, each with its own id, the day when it was created, and a secret of 32 bytes in base64", path)
	}
	return entries, nil
}

func areKeys(entries []keyEntry) bool {
	ids := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if entry.ID == "" || ids[entry.ID] || len(entry.Secret) != secretSize {
			return false
		}
		ids[entry.ID] = true
	}
	return len(entries) > 0
}

// newKey makes a key that was never there.
func newKey(day string) keyEntry {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	return keyEntry{ID: day + "-" + strings.ToLower(rand.Text()[:8]), Created: day, Secret: secret}
}

// create makes the file, with one key. It is fs.ErrExist when there is one by now.
func (k *keyring) create(day string) error {
	k.changes.Lock()
	defer k.changes.Unlock()
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	entries := []keyEntry{newKey(day)}
	if err := writeKeyFile(k.path, entries, os.Link); err != nil {
		return err
	}
	return k.set(entries)
}

// change writes the file anew, as what edit makes of its keys.
func (k *keyring) change(edit func([]keyEntry) []keyEntry) error {
	k.changes.Lock()
	defer k.changes.Unlock()
	entries, err := readKeyFile(k.path)
	if err != nil {
		return err
	}
	entries = edit(entries)
	if err := writeKeyFile(k.path, entries, os.Rename); err != nil {
		return err
	}
	return k.set(entries)
}

// add puts a new key before the others.
func (k *keyring) add(day string) (string, error) {
	key := newKey(day)
	return key.ID, k.change(func(entries []keyEntry) []keyEntry { return slices.Insert(entries, 0, key) })
}

// remove takes a key out.
func (k *keyring) remove(id string) error {
	return k.change(func(entries []keyEntry) []keyEntry {
		return slices.DeleteFunc(entries, func(entry keyEntry) bool { return entry.ID == id })
	})
}

// writeKeyFile writes all of a file or nothing: beside its place, and durable before it is put there.
func writeKeyFile(path string, entries []keyEntry, put func(from, to string) error) (err error) {
	var octets bytes.Buffer
	encoder := json.NewEncoder(&octets)
	encoder.SetIndent("", "\t")
	if err = encoder.Encode(entries); err != nil { //nolint:gosec // the file is where the secrets are kept
		return fmt.Errorf("key file: %w", err)
	}
	beside := path + "." + strings.ToLower(rand.Text())
	defer func() {
		if removeErr := os.Remove(beside); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err = writeDurably(beside, octets.Bytes()); err == nil {
		err = put(beside, path)
	}
	if err == nil {
		err = syncDirectory(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func writeDurably(path string, octets []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, keyFileMode) //nolint:gosec // beside the operator's own path
	if err != nil {
		return err
	}
	_, err = file.Write(octets)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func syncDirectory(path string) error {
	directory, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
