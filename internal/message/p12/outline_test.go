package p12_test

import (
	"encoding/asn1"
	"testing"

	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// TestOutline checks that contents that cannot be written again are detected, and that invalid files are rejected.
func TestOutline(t *testing.T) {
	t.Parallel()
	data, _ := testpki.P12File(t, testpki.Hospital)
	o, err := p12.ReadOutline(data)
	if err != nil || o.Keys != 2 || o.HasOtherContent {
		t.Fatalf("%+v, %v", o, err)
	}
	marshal := func(value any) []byte {
		der, failed := asn1.Marshal(value)
		if failed != nil {
			t.Fatal(failed)
		}
		return der
	}
	explicit := func(der []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}
	}
	type bag struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	secret := marshal([]bag{{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 5}, explicit(marshal([]byte("secret")))}})
	if o = (&p12.Outline{}); !o.AddClearContent(explicit(marshal(secret))) || !o.HasOtherContent {
		t.Errorf("a thing in the clear is not seen: %+v", o)
	}
	for _, hostile := range [][]byte{nil, {0x30}, []byte("hello"), marshal([][]byte{nil}), data[:len(data)-1]} {
		if _, err = p12.ReadOutline(hostile); err == nil {
			t.Errorf("%x was taken", hostile)
		}
	}
}
