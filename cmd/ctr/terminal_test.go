package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/terminal"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// fillTexts sets every text in a value, and makes one element of every slice, pointer and map on the way.
func fillTexts(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillTexts(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillTexts(v.Index(0), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillTexts(v.Field(i), text)
			}
		}
	default: // numbers and times hold no text of others
	}
}

func filled[T any](text string) *T {
	value := new(T)
	fillTexts(reflect.ValueOf(value).Elem(), text)
	return value
}

// TestFindingL1CommandsPrintNoControls fills everything that commands print with a text that a terminal would obey, or
// that would forge lines.
func TestFindingL1CommandsPrintNoControls(t *testing.T) {
	t.Parallel()
	const hostile = "x\u009b31m\u009d0;t\a\x1b[2J\u202e\u2066\u200f\nregistered as 1\r\u2028y\u2029\u0085"
	refusal := func(text string) *soap.Refusal {
		r := &soap.Refusal{Code: text, ID: text, Messages: map[texts.Lang]string{terminalLanguage: text}}
		violation := soap.Violation{Code: text, Path: text, Messages: map[texts.Lang]string{terminalLanguage: text}}
		r.Violations = []soap.Violation{violation, violation}
		return r
	}
	for name, show := range map[string]func(w io.Writer, text string){
		"notification": func(w io.Writer, text string) { showNotification(w, filled[ctr.Notification](text)) },
		"mandates":     func(w io.Writer, text string) { showMandates(w, *filled[[]ctr.Mandate](text)) },
		"warnings":     func(w io.Writer, text string) { showWarnings(w, *filled[[]ctr.Warning](text)) },
		"staff":        func(w io.Writer, text string) { showStaff(w, *filled[[]ctr.StaffMember](text)) },
		"implant":      func(w io.Writer, text string) { showImplant(w, filled[ctr.RegisteredImplant](text)) },
		"summary":      func(w io.Writer, text string) { showSummary(w, text, filled[ctr.Summary](text)) },
		"device":       func(w io.Writer, text string) { showDevice(w, filled[ctr.Device](text)) },
		"refusal":      func(w io.Writer, text string) { reportError(w, refusal(text)) },
		"not authenticated": func(w io.Writer, text string) {
			r := refusal(text)
			r.Code = notAuthenticatedCode
			reportError(w, r)
		},
		"error":       func(w io.Writer, text string) { reportError(w, &os.PathError{Op: text, Path: text, Err: io.EOF}) },
		"certificate": func(w io.Writer, text string) { filled[certificateReport](text).writeText(w) },
		"JSON": func(w io.Writer, text string) {
			_ = answerPrinter{w, true}.printAnswer(filled[ctr.Notification](text), nil)
		},
	} {
		var shown, plain bytes.Buffer
		show(terminal.NewWriter(&shown), hostile)
		show(terminal.NewWriter(&plain), "x")
		if i := strings.IndexFunc(shown.String(), func(r rune) bool { return r != '\n' && terminal.IsControl(r) }); i >= 0 || shown.Len() == 0 {
			t.Errorf("%s: a control at %d: %q", name, i, shown.String())
		}
		if name != "error" && strings.Count(shown.String(), "\n") != strings.Count(plain.String(), "\n") {
			t.Errorf("%s: lines were forged: %q", name, shown.String())
		}
	}
}

// TestFindingL3CardIsPrivate: a card is written for its owner alone, whatever was there, and never through a link.
// The patient's number comes from a file (finding L4).
func TestFindingL3CardIsPrivate(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := s.surgeonFlags()
	file := s.writeFile("notify.xml", []byte(implantationXML(dateDaysAgo(t, 1), dateDaysAgo(t, 1), "EPD-1")))
	runCtr(t, surgeon, "notify", file).expect(t, exitOK)
	patient := s.writeFile("patient.txt", []byte("48022907379\n"))
	out, victim := filepath.Join(s.dir, "card.pdf"), s.writeFile("victim", []byte("kept"))
	if err := os.WriteFile(out, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	runCtr(t, surgeon, "card", "--patient", "@"+patient, "-o", out).expect(t, exitOK, out+" written, ")
	if info, err := os.Stat(out); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	link := filepath.Join(s.dir, "link.pdf")
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	runCtr(t, surgeon, "card", "--patient", "@"+patient, "-o", link).expect(t, exitUsage, "not a regular file")
	if data, err := os.ReadFile(victim); err != nil || string(data) != "kept" {
		t.Errorf("%q, %v", data, err)
	}
}
