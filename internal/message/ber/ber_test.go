package ber_test

import (
	"bytes"
	"testing"

	"github.com/openctr/ctr/internal/message/ber"
)

func TestBadBER(t *testing.T) {
	for name, data := range map[string][]byte{
		"no length":                   {0x30},
		"length beyond the end":       {0x30, 5, 0},
		"indefinite without an end":   {0x30, 0x80, 2, 1, 0},
		"indefinite primitive":        {4, 0x80, 0, 0},
		"segments of another type":    {0x24, 0x80, 2, 1, 0, 0, 0},
		"tag of several bytes":        {0x3f, 0x81, 1, 0},
		"length of length beyond end": {0x30, 0x84, 1},
		"length beyond 32 bits":       {0x30, 0x88, 1, 0, 0, 0, 0, 0, 0, 0},
		"bytes behind":                {0x30, 0, 0},
		"too deep":                    bytes.Repeat([]byte{0x30, 0x80}, 10_000),
	} {
		if out, ok := ber.ToDER(data); ok {
			t.Errorf("%s: %x", name, out)
		}
	}
}

// FuzzToDER: what comes out is not longer, does not change again, and holds no indefinite length.
func FuzzToDER(f *testing.F) {
	f.Add([]byte{0x24, 0x80, 4, 1, 1, 0x24, 3, 4, 1, 2, 0, 0})
	f.Add([]byte{0x30, 0x82, 0, 2, 5, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		out, ok := ber.ToDER(data)
		if !ok {
			return
		}
		if len(out) > len(data) {
			t.Errorf("%x became %x", data, out)
		}
		if again, ok := ber.ToDER(out); !ok || !bytes.Equal(again, out) {
			t.Errorf("%x became %x", out, again)
		}
	})
}
