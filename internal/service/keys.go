package service

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
)

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// NewID returns an unguessable identifier that sorts by time: 48 bits of milliseconds and 80 random bits, in 26 letters
// and digits.
func NewID(now time.Time) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(id[6:]) // never fails: crypto/rand aborts the process instead
	return strings.ToLower(base32hex.EncodeToString(id[:]))
}

// newNCName returns an identifier that is valid in an attribute of type xs:ID.
func (c *Config) newNCName() string { return "_" + NewID(c.Now()) }

// readReplyKey reads the key that signs responses; nil without one.
func (c *Config) readReplyKey() (*x509id.Key, error) {
	if c.ReplyKeyFile == "" {
		return nil, nil //nolint:nilnil // responses are unsigned by default
	}
	return p12.ReadSigningKey(c.ReplyKeyFile, c.ReplyPasswordFile, c.Now())
}

// newReplySigner returns the function that signs responses, or nil without a key.
func (c *Config) newReplySigner(key *x509id.Key) func([]byte) ([]byte, error) {
	if key == nil {
		return nil
	}
	return func(envelope []byte) ([]byte, error) {
		return client.SignEnvelope(
			envelope,
			key,
			wsse.SignOptions{Created: c.Now(), TTL: time.Minute, NewID: c.newNCName},
		)
	}
}
