package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/p12"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// serviceClient is the environment of a command that calls the service.
type serviceClient struct {
	answerPrinter

	ctx    context.Context
	client *client.Client
	author string
}

// newServiceClient reads the key and prepares the connection.
func (c *commandLine) newServiceClient(ctx context.Context, stdout io.Writer) (*serviceClient, error) {
	if missing := c.missingFlags(); len(missing) > 0 {
		return nil, fmt.Errorf("missing flags: %s", strings.Join(missing, ", "))
	}
	key, err := p12.ReadSigningKey(c.P12, c.PasswordFile, time.Now())
	if err != nil {
		return nil, err
	}
	connection, err := c.newHTTPClient()
	if err != nil {
		return nil, err
	}
	return &serviceClient{
		answerPrinter: answerPrinter{stdout, c.JSON},
		ctx:           ctx,
		author:        c.Author,
		client: &client.Client{
			URL: c.URL, Key: key, HTTP: connection, Now: time.Now, NewID: newID,
		},
	}, nil
}

// newHTTPClient returns the HTTP client of all commands.
func (c *commandLine) newHTTPClient() (*http.Client, error) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		Proxy:           http.ProxyFromEnvironment,
	}
	if c.CA != "" {
		authorities, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("--ca: %s contains no certificate in PEM format", c.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: transport, Timeout: time.Minute}, nil
}

// missingFlags lists the flags that are missing and that every command needs to call a service.
func (c *commandLine) missingFlags() []string {
	var flags []string
	for _, flag := range [][2]string{
		{c.P12, "--p12=FILE"}, {c.PasswordFile, "--password-file=FILE"}, {c.URL, "--url=URL"},
	} {
		if flag[0] == "" {
			flags = append(flags, flag[1])
		}
	}
	return flags
}

// newID returns a random identifier that is an NCName.
func newID() string { return "_" + rand.Text() }

// newHeader returns the header of a new request.
func (c *serviceClient) newHeader() ctr.Header {
	h := ctr.Header{}
	c.completeHeader(&h)
	return h
}

// completeHeader sets identifier and time of a request. An author on the command line replaces the author in the
// file.
func (c *serviceClient) completeHeader(h *ctr.Header) {
	h.ID, h.IssueInstant = newID(), time.Now().UTC().Format(time.RFC3339)
	if c.author != "" {
		h.Author = &ctr.Author{HcParty: []ctr.HcParty{{
			ID: []ctr.PartyID{{Type: "urn:be:fgov:person:ssin", Value: c.author}}, Name: "author",
		}}}
	}
}
