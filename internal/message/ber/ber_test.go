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

// TestJoinOctets: a string is the same however it is chopped, is joined in place, and a segment of another type is none.
func TestJoinOctets(t *testing.T) {
	for name, data := range map[string][]byte{
		"primitive":        {4, 5, 'h', 'e', 'l', 'l', 'o'},
		"implicit":         {0x80, 5, 'h', 'e', 'l', 'l', 'o'},
		"segments":         {0x24, 9, 4, 2, 'h', 'e', 4, 3, 'l', 'l', 'o'},
		"indefinite":       {0xa0, 0x80, 4, 1, 'h', 4, 0, 4, 4, 'e', 'l', 'l', 'o', 0, 0},
		"segments of such": {0x24, 0x80, 0x24, 0x80, 4, 3, 'h', 'e', 'l', 0, 0, 0x24, 4, 4, 2, 'l', 'o', 0, 0},
	} {
		e, rest, ok := ber.Read(append(data, 5, 0))
		if !ok || !bytes.Equal(rest, []byte{5, 0}) || !bytes.Equal(e.Raw, data) {
			t.Errorf("%s: %x, rest %x", name, e.Raw, rest)
			continue
		}
		// Joining overwrites what it read: each run of AllocsPerRun needs its own copy.
		copies := [][]byte{bytes.Clone(data), bytes.Clone(data), bytes.Clone(data)}
		if n := testing.AllocsPerRun(1, func() {
			own, _, _ := ber.Read(copies[0])
			copies = copies[1:]
			if joined, isString := own.JoinOctets(); !isString || string(joined) != "hello" {
				t.Errorf("%s: %q", name, joined)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for name, data := range map[string][]byte{
		"integer in it":     {0x24, 3, 2, 1, 0},
		"no element in it":  {0x24, 1, 4},
		"too long":          {4, 0x84, 0xff, 0xff, 0xff, 0xff, 0},
		"without an end":    {0x24, 0x80, 4, 1, 'h'},
		"indefinite string": {4, 0x80, 0, 0},
		"too deep":          append(bytes.Repeat([]byte{0x24, 0x80}, 1000), make([]byte, 2000)...),
		"too deep, definite": func() []byte {
			data := []byte{4, 0}
			for range 60 {
				data = append([]byte{0x24, byte(len(data))}, data...)
			}
			return data
		}(),
	} {
		e, _, ok := ber.Read(data)
		if !ok {
			continue
		}
		if joined, isString := e.JoinOctets(); isString {
			t.Errorf("%s: %q", name, joined)
		}
	}
}

func TestChildren(t *testing.T) {
	e, _, ok := ber.Read([]byte{0x30, 0x80, 5, 0, 2, 1, 7, 0, 0})
	if !ok {
		t.Fatal("not read")
	}
	if children, ok := e.Children(2); !ok || len(children) != 2 || children[1].Content[0] != 7 {
		t.Errorf("%v", children)
	}
	if _, ok := e.Children(1); ok {
		t.Error("more than the limit")
	}
	if e, _, _ = ber.Read([]byte{4, 2, 5, 0}); e.Tag != 4 {
		t.Fatal(e)
	}
	if _, ok := e.Children(5); ok {
		t.Error("a string has no children")
	}
}
