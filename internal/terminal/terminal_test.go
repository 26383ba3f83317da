package terminal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/terminal"
)

const csi, osc, override, isolate = "\u009b", "\u009d", "\u202e", "\u2066"

// TestFindingL1NothingIsObeyed: no text of others reaches a terminal with a control in it, in whatever way it is printed.
func TestFindingL1NothingIsObeyed(t *testing.T) {
	for text, want := range map[string]string{
		"left knee":                     "left knee",
		"knie, links — genou, λ, ж, 漢字": "knie, links — genou, λ, ж, 漢字",
		"می\u200cخواهم 👩\u200d⚕️":       "می\u200cخواهم 👩\u200d⚕️", // joiners stay
		"\x1b[2J":                       `\u001b[2J`,
		csi + "31m":                     `\u009b31m`,
		osc + "0;title\a":               `\u009d0;title\u0007`,
		"12" + override + "34":          `12\u202e34`,
		isolate + "x\u2069\u200e\u200f": `\u2066x\u2069\u200e\u200f`,
		"\u061c":                        `\u061c`,
		"one\nregistered as 1":          `one\u000aregistered as 1`,
		"one\rtwo\ttab":                 `one\u000dtwo\u0009tab`,
		"one\u2028two\u2029three\u0085": `one\u2028two\u2029three\u0085`,
		"\x7f\x00":                      `\u007f\u0000`,
		"\xff\xfe":                      "\ufffd\ufffd",
	} {
		if got := terminal.Clean(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		var b bytes.Buffer
		if err := terminal.Printf(&b, "%s|%v|%-3d|%*s\n", text, errors.New(text), 7, 2, "x"); err != nil || b.String() != want+"|"+want+"|7  | x\n" {
			t.Errorf("printed %q, %v", b.String(), err)
		}
	}
	var b bytes.Buffer
	if err := terminal.Printf(&b, "%d %s %q %v\n", int64(5), time.Second, "a\u202e", []string{"x\ny"}); err != nil || b.String() != "5 1s \"a\\u202e\" [x\\u000ay]\n" {
		t.Errorf("printed %q, %v", b.String(), err)
	}
}

func TestFindingL1Writer(t *testing.T) {
	for text, want := range map[string]string{
		"one\n\ttwo\n":      "one\n\ttwo\n",
		"\r12 of 20":        "\r12 of 20",
		"over\rwritten":     `over\u000dwritten`,
		"a" + csi + "b\x1b": `a\u009bb\u001b`,
		"\x9b31m":           `\x9b31m`,
		"1" + override:      `1\u202e`,
		"ж漢👩":               "ж漢👩",
		"":                  "",
	} {
		var whole, bytewise bytes.Buffer
		if n, err := terminal.NewWriter(&whole).Write([]byte(text)); n != len(text) || err != nil || whole.String() != want {
			t.Errorf("%q: %q, %d, %v", text, whole.String(), n, err)
		}
		w := terminal.NewWriter(&bytewise)
		for i := range len(text) {
			if n, err := w.Write([]byte(text[i : i+1])); n != 1 || err != nil {
				t.Errorf("%q: %d, %v", text, n, err)
			}
		}
		if got := bytewise.String(); got != want && text != "over\rwritten" { // a carriage return of its own is ours
			t.Errorf("%q, octet by octet: %q", text, got)
		}
	}
	document := map[string]string{"comment": "a" + csi + override + "\u2028\n\x1b" + isolate}
	var b bytes.Buffer
	if err := json.NewEncoder(terminal.NewWriter(&b)).Encode(document); err != nil || bytes.ContainsFunc(bytes.TrimSpace(b.Bytes()), terminal.IsControl) {
		t.Errorf("%q, %v", b.String(), err)
	}
	var back map[string]string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["comment"] != document["comment"] {
		t.Errorf("JSON changed: %q, %v", back, err)
	}
	if n, err := terminal.NewWriter(failingWriter{}).Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("full") }
