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

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/devkit/conformance"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/message/x509id"
)

type conformanceCommand struct {
	Messages []string `arg:"" optional:"" help:"Files, or folders of files, with the messages that your client sent, with or without their HTTP headers. Without files, the server at --url is tested."`

	Trust []string `help:"For messages: PEM file with certificate authorities that the service trusts. Repeatable." type:"existingfile" placeholder:"FILE"`

	AgainstATestService bool   `name:"against-a-test-service" help:"For a server: confirms that it is for tests. A run writes notifications to it that stay."`
	TestPKI             string `name:"test-pki" help:"For a server: the folder certs of a service that was started with --dev, for certificates that must be refused." type:"existingdir" placeholder:"DIR"`
	Patient             string `help:"For a server: SSIN of a patient in its data." placeholder:"SSIN" default:"48022907379"`
	Prescriber          string `help:"For a server: NIHII of a prescriber in its data." placeholder:"NIHII" default:"17800389480"`
	Code                string `help:"For a server: notification code of a device in its data." placeholder:"CODE" default:"000071200176"`
	Device              string `help:"For a server: device identifier of that device, a GTIN of 14 digits." placeholder:"GTIN" default:"05410000001047"`
}

// errDoesNotConform is returned if a requirement is not met, after the report has been printed.
var errDoesNotConform = exitError(exitRefused)

// Run tests the messages of a client, or a server.
func (c *conformanceCommand) Run(t *commandContext) error {
	report, err := c.judgeTarget(t)
	if err != nil {
		return err
	}
	if t.json {
		err = report.WriteJSON(t.out)
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

func (c *conformanceCommand) judgeTarget(t *commandContext) (*conformance.Report, error) {
	switch {
	case len(c.Messages) > 0 && t.url != "":
		return nil, errors.New(
			"messages are tested without a server: omit --url, or omit the messages to test the server",
		)
	case len(c.Messages) > 0:
		return c.judgeMessages()
	case t.url == "":
		return nil, errors.New(
			"give the files or folders with the messages of your client, or the server to test with --url",
		)
	case !c.AgainstATestService:
		return nil, errors.New(
			"a run writes notifications that stay: confirm with --against-a-test-service that the server at --url is for tests",
		)
	}
	return c.judgeServer(t)
}

// judgeServer tests the requirements for servers.
func (c *conformanceCommand) judgeServer(t *commandContext) (*conformance.Report, error) {
	remote, err := t.newServiceClient()
	if err != nil {
		return nil, err
	}
	keys, err := c.newKeyLookup()
	if err != nil {
		return nil, err
	}
	data := testmessages.Data{
		Author:           remote.author,
		AuthorName:       "author",
		Patient:          c.Patient,
		Prescriber:       c.Prescriber,
		NotificationCode: c.Code,
		DeviceIdentifier: c.Device,
	}
	if data.Author == "" {
		data.Author = testmessages.DevelopmentData().Author
	}
	server := conformance.Server{
		URL:     t.url,
		HTTP:    remote.client.HTTP,
		Key:     remote.client.Key,
		FindKey: keys,
		Data:    data,
		Now:     time.Now,
		NewID:   newID,
	}
	report, err := server.Judge(t.ctx)
	if errors.Is(err, conformance.ErrUnreachable) {
		err = fmt.Errorf("%w: %w", client.ErrUnreachable, err)
	}
	return report, err
}

// newKeyLookup returns a function that finds the keys of the test PKI. Without a test PKI it finds none.
func (c *conformanceCommand) newKeyLookup() (func(string) (*x509id.Key, error), error) {
	if c.TestPKI == "" {
		return func(string) (*x509id.Key, error) { return nil, testmessages.ErrNoKey }, nil
	}
	files, err := authority.ReadDevelopmentFiles(c.TestPKI)
	if err != nil {
		return nil, fmt.Errorf("--test-pki: %w", err)
	}
	password, err := p12.ReadPasswordFile(files.Password)
	if err != nil {
		return nil, fmt.Errorf("--test-pki: %w", err)
	}
	return func(entry string) (*x509id.Key, error) {
		file, found := files.P12[entry]
		if !found {
			return nil, testmessages.ErrNoKey
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--test-pki: %w", err)
		}
		return p12.DecodeSigningKey(data, password, time.Now())
	}, nil
}

// judgeMessages tests the requirements for clients.
func (c *conformanceCommand) judgeMessages() (*conformance.Report, error) {
	captured, err := readCapturedMessages(c.Messages)
	if err != nil {
		return nil, err
	}
	var trust *x509id.TrustStore
	if len(c.Trust) > 0 {
		files, err := readFiles(c.Trust)
		if err == nil {
			trust, err = x509id.ParseTrustStore(0, files...)
		}
		if err != nil {
			return nil, fmt.Errorf("--trust: %w", err)
		}
	}
	return conformance.JudgeMessages(captured, trust)
}

// The limits of what is read into memory.
const (
	maxMessages   = 10_000
	maxTotalBytes = 128 << 20
)

// readCapturedMessages reads files, and recursively the files in folders, in the order of their names. It skips names
// that begin with a dot.
func readCapturedMessages(paths []string) ([]conformance.CapturedMessage, error) {
	var all []conformance.CapturedMessage
	data := 0
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
			content, err := os.ReadFile(name) //nolint:gosec // the path is the user's own
			if err != nil {
				return err
			}
			all = append(all, conformance.CapturedMessage{Name: filepath.ToSlash(name), Data: content})
			if data += len(content); data > maxTotalBytes || len(all) > maxMessages {
				return fmt.Errorf("more than %d messages or %d MB at once", maxMessages, maxTotalBytes>>20)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("the messages: %w", err)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there are no messages in the given files and folders")
	}
	return all, nil
}
