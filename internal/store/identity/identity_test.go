package identity

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestOpenPseudonymRefuses(t *testing.T) {
	key, err := newRingKey(keyEntry{ID: "2026-11-21-a", Secret: make([]byte, keySecretSize)})
	if err != nil {
		t.Fatal(err)
	}
	bound := func(id int64) string {
		return key.pseudonymAssociatedData(&Pseudonym{ID: id, personID: id, purpose: Patient})
	}
	for name, test := range map[string]struct {
		sealed []byte
		want   string
	}{
		"too short":     {sealBytes(key.aead, make([]byte, dataKeySize-1), bound(7)), "31 bytes are too few"},
		"another row":   {sealBytes(key.aead, make([]byte, dataKeySize), bound(8)), "authentication failed"},
		"not an SSIN":   {sealBytes(key.aead, append(make([]byte, dataKeySize), "1"...), bound(7)), "SSIN"},
		"not even once": {nil, "cut off"},
	} {
		_, err := key.openPseudonym(&subjectRow{ID: 7, PersonID: 7, Purpose: Patient, Sealed: test.sealed})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "subject 7") ||
			strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConverterKeepsFirstError(t *testing.T) {
	first := errors.New("first")
	c := &Converter{}
	c.RecordError(first)
	if signer := c.ParseSigner("SSIN=#x"); signer != "" {
		t.Errorf("got %q", signer)
	}
	c.ParseDate("not a date")
	c.ParseDigest(bytes.Repeat([]byte{1}, 33))
	if !errors.Is(c.wrapError("row"), first) {
		t.Errorf("got %v", c.wrapError("row"))
	}
}
