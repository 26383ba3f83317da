package interop_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/testing/textedit"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// damagedMessage is a section of testdata/damaged.txtar.
type damagedMessage struct {
	signer         string        // PKI entry of the signing key; empty for the hospital
	clockError     time.Duration // of the sender
	before, after  []textedit.Edit
	code           string
	changedMessage bool // whether anything differs from a message that is accepted
}

// readDamagedMessages returns the messages by their descriptions.
func readDamagedMessages(t *testing.T) map[string]damagedMessage {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/damaged.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]damagedMessage{}
	for _, section := range archive.Files {
		var d damagedMessage
		for line := range strings.Lines(string(section.Data)) {
			if err := d.parseLine(strings.TrimSuffix(line, "\n")); err != nil {
				t.Fatalf("%s: %q: %v", section.Name, line, err)
			}
		}
		if _, twice := all[section.Name]; twice || d.code == "" || !d.changedMessage {
			t.Fatalf("%s: twice, without a code, or without damage", section.Name)
		}
		all[section.Name] = d
	}
	return all
}

func (d *damagedMessage) parseLine(line string) (err error) {
	key, value, _ := strings.Cut(line, ": ")
	d.changedMessage = d.changedMessage || key != "code"
	switch key {
	case "signer":
		d.signer = value
	case "clock":
		d.clockError, err = time.ParseDuration(value)
	case "before":
		err = appendEdit(&d.before, value)
	case "after":
		err = appendEdit(&d.after, value)
	case "code":
		d.code = value
	default:
		err = textedit.ErrUnknownWord
	}
	return err
}

// appendEdit parses an edit, which may contain repetitions.
func appendEdit(to *[]textedit.Edit, line string) error {
	e, err := textedit.Parse(line)
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	*to = append(*to, e.Expand(textedit.ExpandRepetitions))
	return nil
}

func applyEdits(t *testing.T, text string, edits []textedit.Edit) string {
	t.Helper()
	for _, e := range edits {
		changed, err := e.Apply(text)
		if err != nil || changed == text {
			t.Fatalf("%v changes nothing (%v) in\n%s", e, err, text)
		}
		text = changed
	}
	return text
}

// buildMessage builds, signs and damages the message.
func (d damagedMessage) buildMessage(t *testing.T, service *interop.Service) string {
	t.Helper()
	key := testpki.Key(t, testpki.Hospital)
	if d.signer != "" {
		key = testpki.Key(t, d.signer)
	}
	sender := &client.Client{URL: service.URL, Key: key, HTTP: service.NewHTTPClient(t), NewID: interop.NewID,
		Now: func() time.Time { return time.Now().Add(d.clockError) }}
	body, err := ctr.Encode("NotifyImplantRequest", interop.NewImplantation(interop.NewID(), interop.PatientSSIN, "S-"+interop.NewID()))
	if err != nil {
		t.Fatal(err)
	}
	message, err := sender.Sign([]byte(applyEdits(t, string(body), d.before)))
	if err != nil {
		t.Fatal(err)
	}
	return applyEdits(t, string(message), d.after)
}

var codePattern = regexp.MustCompile(`\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b`)

// TestCheckNamesTheServicesCause: ctr check, which works offline, reports the same code as the service.
func TestCheckNamesTheServicesCause(t *testing.T) {
	t.Parallel()
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	messages := readDamagedMessages(t)
	if len(messages) < 23 {
		t.Fatalf("only %d messages", len(messages))
	}
	for description, d := range messages {
		t.Run(description, func(t *testing.T) {
			message := []byte(d.buildMessage(t, service))
			fault := interop.PostMessage(t, service.NewClient(t, interop.HospitalKey(t)), message)
			serviceCode := codePattern.FindString(string(fault))
			file := filepath.Join(t.TempDir(), "message.xml")
			interop.WriteFile(t, file, message)
			result := interop.RunProgram(t, interop.ProgramPath(t, "ctr"), "check", file, "--trust", service.CA, "--json")
			var report diagnosis.Report
			if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil {
				t.Fatalf("%v: %s%s", err, result.Stdout, result.Stderr)
			}
			if result.ExitCode != 1 || serviceCode != d.code || string(report.AnswerCode) != d.code {
				t.Errorf("the service says %s, ctr check %s, want %s; exit %d\n%s", serviceCode, report.AnswerCode, d.code, result.ExitCode, fault)
			}
		})
	}
}
