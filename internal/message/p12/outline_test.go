package p12_test

import (
	"crypto/rand"
	"testing"

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestOutline checks what a file is made of, and that invalid files are rejected.
func TestOutline(t *testing.T) {
	t.Parallel()
	data, password := testpki.P12File(t, testpki.Hospital)
	o, err := p12.ReadOutline(data, password)
	if err != nil || o.Keys != 2 || o.HasOtherContent || o.IsLegacy() {
		t.Fatalf("%+v, %v", o, err)
	}
	for _, hostile := range [][]byte{nil, {0x30}, []byte("hello"), data[:len(data)-1]} {
		if _, err = p12.ReadOutline(hostile, password); err == nil {
			t.Errorf("%x was taken", hostile)
		}
	}
	one, err := p12.EncodeKeys([]*x509id.Key{testpki.ECKey(t)}, "x", 100, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if o, err = p12.ReadOutline(one, "x"); err != nil || o.Keys != 1 || o.MAC != "SHA-256" {
		t.Errorf("%+v, %v", o, err)
	}
}
