package main

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/wsse"
)

var base32hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// newID returns an unguessable identifier that sorts by time: 48 bits of milliseconds and 80 random bits, in 26 letters
// and digits.
func newID() string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16)
	_, _ = rand.Read(id[6:]) // never fails: crypto/rand aborts the process instead
	return strings.ToLower(base32hex.EncodeToString(id[:]))
}

// newNCName returns an identifier that is valid in an attribute of type xs:ID.
func newNCName() string { return "_" + newID() }

// newReplySigner returns the function that signs responses, or nil without --sign-replies.
func (c *serveCommand) newReplySigner() (func([]byte) ([]byte, error), error) {
	if !c.SignReplies {
		return nil, nil //nolint:nilnil // responses are unsigned by default
	}
	if c.ReplyKey == "" || c.ReplyPass == "" {
		return nil, errors.New("--sign-replies needs --reply-key and --reply-password-file")
	}
	key, err := client.ReadKey(c.ReplyKey, c.ReplyPass)
	if err != nil {
		return nil, err
	}
	return func(envelope []byte) ([]byte, error) {
		return client.SignEnvelope(envelope, key, wsse.SignOptions{Created: time.Now(), TTL: time.Minute, NewID: newNCName})
	}, nil
}
