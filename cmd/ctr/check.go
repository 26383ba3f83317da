package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/openctr/ctr/internal/devkit/capture"
	"github.com/openctr/ctr/internal/devkit/diagnosis"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/texts"
	"github.com/openctr/ctr/internal/wire/ctr"
)

type checkCommand struct {
	File      string     `arg:"" help:"The message as it was sent: the envelope, with its Content-Type line before it if it is an MTOM package." type:"existingfile"`
	Trust     []string   `help:"PEM file with certificate authorities that the service trusts. Without it, the issuer of the certificate is not checked. Repeatable." type:"existingfile" placeholder:"FILE"`
	Known     []string   `help:"PEM file with certificates that are registered with the service. Repeatable." type:"existingfile" placeholder:"FILE"`
	At        string     `help:"Time of the check, as 2026-11-21T10:00:00Z. Default: now." placeholder:"INSTANT"`
	Strict    bool       `help:"Check like a service that requires the certificate to be signed too."`
	Lang      texts.Lang `help:"Language of the explanations: ${languages_in_words}." enum:"${languages}" default:"en"`
	Canonical string     `help:"File with your own canonical form, to find where it differs from the service's." type:"existingfile" placeholder:"FILE"`
	Of        string     `help:"The signed part in --canonical: the name of its element, its identifier, or SignedInfo." default:"Body"`
}

// languageVars are the languages that have a file, for the flags that name one.
func languageVars() kong.Vars {
	var all []string
	for _, l := range texts.LangsEnglishFirst() {
		all = append(all, string(l))
	}
	last := len(all) - 1
	return kong.Vars{
		"languages":          strings.Join(all, ","),
		"languages_in_words": strings.Join(all[:last], ", ") + " or " + all[last],
	}
}

// errWouldBeRefused is returned by a check with findings, after they have been printed.
var errWouldBeRefused = errors.New("the message would be refused")

// commandContext is the environment of a command that can run without calling the service.
type commandContext struct {
	answerPrinter

	ctx           context.Context
	now           func() time.Time
	url           string // of the service to ask; empty for none
	newHTTPClient func() (*http.Client, error)
	// newServiceClient is for a command that calls the service only in some cases and otherwise needs no key.
	newServiceClient func() (*serviceClient, error)
}

// Run reports everything in a message that the service would refuse, as determined by this program, or with --url by
// the service.
func (c *checkCommand) Run(t *commandContext) error {
	options, err := c.inspectionOptions(t.now())
	if err != nil {
		return err
	}
	if t.url != "" && (c.At != "" || c.Strict || len(c.Trust)+len(c.Known) > 0) {
		return errors.New(
			"--url: the service has its own time, trust and strictness; omit --at, --trust, --known and --strict",
		)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("the message: %w", err)
	}
	message := capture.Parse(data)
	r, security := diagnosis.Inspect(message.UnpackEnvelope(), options)
	if t.url != "" {
		if r, err = c.askService(t, message); err != nil {
			return err
		}
	}
	r.File = c.File
	if c.Canonical != "" {
		if r.Difference, err = c.compareCanonical(security); err != nil {
			return err
		}
	}
	if t.json {
		err = r.WriteJSON(t.out)
	} else {
		_, err = io.WriteString(t.out, r.Text())
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if r.Refused > 0 {
		return errWouldBeRefused
	}
	return nil
}

func (c *checkCommand) inspectionOptions(now time.Time) (diagnosis.Options, error) {
	o := diagnosis.Options{
		InspectOptions:    wsse.InspectOptions{Time: now.UTC(), Strict: c.Strict},
		IdentifyOperation: ctr.OperationName,
		Lang:              c.Lang,
	}
	if c.At != "" {
		at, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			return o, fmt.Errorf("--at: %q is not an instant like 2026-11-21T10:00:00Z", c.At)
		}
		o.Time = at.UTC()
	}
	if len(c.Trust) > 0 {
		files, err := readFiles(c.Trust)
		if err != nil {
			return o, fmt.Errorf("--trust: %w", err)
		}
		if o.Trust, err = x509id.ParseTrustStore(0, files...); err != nil {
			return o, fmt.Errorf("--trust: %w", err)
		}
	}
	if len(c.Known) > 0 {
		files, err := readFiles(c.Known)
		if err != nil {
			return o, fmt.Errorf("--known: %w", err)
		}
		if o.Registered, err = x509id.ParseDirectory(files...); err != nil {
			return o, fmt.Errorf("--known: %w", err)
		}
	}
	var err error
	if o.Schema, err = ctr.CompileSchema(); err != nil {
		return o, fmt.Errorf("the schemas: %w", err)
	}
	return o, nil
}

func readFiles(names []string) ([][]byte, error) {
	all := make([][]byte, 0, len(names))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err //nolint:wrapcheck // the callers name the flag, and the error names the file
		}
		all = append(all, data)
	}
	return all, nil
}

// compareCanonical compares the user's canonical form with that of the service.
func (c *checkCommand) compareCanonical(security *wsse.Report) (*diagnosis.Difference, error) {
	yours, err := os.ReadFile(c.Canonical)
	if err != nil {
		return nil, fmt.Errorf("--canonical: %w", err)
	}
	if security == nil {
		return nil, nil //nolint:nilnil // nothing to compare with; the report gives the reason
	}
	ours, ok := security.Canonical(c.Of)
	if !ok {
		return nil, fmt.Errorf("--of: the signature has no reference to %q whose bytes are known", c.Of)
	}
	return diagnosis.CompareCanonicalForms(c.Of, ours, yours), nil
}
