package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/conformance"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/samples"
)

type conformanceCommand struct {
	Messages []string `arg:"" optional:"" help:"Files, or folders of files, with the messages that your client sent, with or without the fields of their HTTP requests. Without any, the server at --url is judged."`

	Trust []string `help:"Of messages: PEM file of authorities that the service trusts. Repeatable." type:"existingfile" placeholder:"FILE"`

	AgainstATestService bool   `name:"against-a-test-service" help:"Of a server: yes, this one is for tests. A run writes notifications to it that stay."`
	TestPKI             string `name:"test-pki" help:"Of a server: the folder certs of a service that was started with --dev, for certificates that must be refused." type:"existingdir" placeholder:"DIR"`
	Patient             string `help:"Of a server: SSIN of a patient whom it knows." placeholder:"SSIN" default:"48022907379"`
	Prescriber          string `help:"Of a server: NIHII of a prescriber whom it knows." placeholder:"NIHII" default:"17800389480"`
	Code                string `help:"Of a server: notification code of a device that it knows." placeholder:"CODE" default:"000071200176"`
	Device              string `help:"Of a server: device identifier of the same, a GTIN of 14 digits." placeholder:"GTIN" default:"05410000001047"`
}

// errDoesNotConform is how a run ends that found a requirement not met. What it found has been printed.
var errDoesNotConform = saidError(exitRefused)

// Run judges the messages of a client, or a server.
func (c *conformanceCommand) Run(t *terminal) error {
	report, err := c.judge(t)
	if err != nil {
		return err
	}
	if t.json {
		err = report.JSON(t.out)
	} else {
		_, err = io.WriteString(t.out, report.Text())
	}
	switch {
	case err != nil:
		return fmt.Errorf("print: %w", err)
	case report.Failed > 0 || report.Passed == 0:
		return errDoesNotConform
	}
	return nil
}

func (c *conformanceCommand) judge(t *terminal) (*conformance.Report, error) {
	switch {
	case len(c.Messages) > 0 && t.url != "":
		return nil, errors.New("messages are judged without a server: leave --url out, or leave out the messages to judge the server")
	case len(c.Messages) > 0:
		return c.judgeMessages()
	case t.url == "":
		return nil, errors.New("name the files or folders with the messages of your client, or with --url a server to judge")
	case !c.AgainstATestService:
		return nil, errors.New("a run writes notifications that stay: say with --against-a-test-service that the server at --url is for tests")
	}
	return c.judgeServer(t)
}

// judgeServer runs the requirements for servers.
func (c *conformanceCommand) judgeServer(t *terminal) (*conformance.Report, error) {
	caller, err := t.caller()
	if err != nil {
		return nil, err
	}
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	data := samples.Data{Author: caller.author, Name: "author", Patient: c.Patient, Prescriber: c.Prescriber, Code: c.Code, Device: c.Device}
	if data.Author == "" {
		data.Author = samples.Development().Author
	}
	server := conformance.Server{URL: t.url, HTTP: caller.client.HTTP, Key: caller.client.Key, Keys: keys, Data: data, Now: time.Now, NewID: newID}
	report, err := server.Judge(t.ctx)
	if errors.Is(err, conformance.ErrUnreachable) {
		err = fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	return report, err
}

// keys gives the keys of a test PKI, and none without one.
func (c *conformanceCommand) keys() (func(string) (*pki.Key, error), error) {
	if c.TestPKI == "" {
		return func(string) (*pki.Key, error) { return nil, samples.ErrNoKey }, nil
	}
	files, err := pki.ReadDevelopment(c.TestPKI)
	if err != nil {
		return nil, fmt.Errorf("--test-pki: %w", err)
	}
	password, err := os.ReadFile(files.Password)
	if err != nil {
		return nil, fmt.Errorf("--test-pki: %w", err)
	}
	return func(entry string) (*pki.Key, error) {
		file, found := files.P12[entry]
		if !found {
			return nil, samples.ErrNoKey
		}
		octets, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--test-pki: %w", err)
		}
		return pki.ReadP12(octets, strings.TrimRight(string(password), "\r\n"))
	}, nil
}

// judgeMessages runs the requirements for clients.
func (c *conformanceCommand) judgeMessages() (*conformance.Report, error) {
	captured, err := readCaptured(c.Messages)
	if err != nil {
		return nil, err
	}
	var trust *pki.Trust
	if len(c.Trust) > 0 {
		files, err := readFiles(c.Trust)
		if err == nil {
			trust, err = pki.ReadTrust(0, files...)
		}
		if err != nil {
			return nil, fmt.Errorf("--trust: %w", err)
		}
	}
	return conformance.JudgeMessages(captured, trust)
}

// Bounds of what is read into memory at once.
const (
	mostMessages = 10_000
	mostOctets   = 128 << 20
)

// readCaptured reads files, and all files in folders and below them, in the order of their names. Those that begin with a point are
// left out.
func readCaptured(paths []string) ([]conformance.Captured, error) {
	var all []conformance.Captured
	octets := 0
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			hidden := err == nil && name != path && strings.HasPrefix(entry.Name(), ".")
			switch {
			case err != nil:
				return err
			case hidden && entry.IsDir():
				return fs.SkipDir
			case hidden || !entry.Type().IsRegular() && name != path || entry.IsDir():
				return nil
			}
			content, err := os.ReadFile(name) //nolint:gosec // the caller's own path
			if err != nil {
				return err
			}
			all = append(all, conformance.Captured{Name: filepath.ToSlash(name), Octets: content})
			if octets += len(content); octets > mostOctets || len(all) > mostMessages {
				return fmt.Errorf("more than %d messages, or %d MB, at once", mostMessages, mostOctets>>20)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("the messages: %w", err)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there are no messages in what was named")
	}
	return all, nil
}
