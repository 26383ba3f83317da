package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/wire"
)

// caller is what every command needs.
type caller struct {
	ctx    context.Context
	client *client.Client
	author string
	json   bool
	out    io.Writer
}

// caller reads the key and prepares the connection.
func (c *commands) caller(ctx context.Context, stdout io.Writer) (*caller, error) {
	if missing := c.missing(); len(missing) > 0 {
		return nil, fmt.Errorf("missing flags: %s", strings.Join(missing, ", "))
	}
	key, err := client.ReadKey(c.P12, c.PasswordFile)
	if err != nil {
		return nil, err
	}
	connection, err := c.connect()
	if err != nil {
		return nil, err
	}
	return &caller{ctx: ctx, author: c.Author, json: c.JSON, out: stdout, client: &client.Client{
		URL: c.URL, Key: key, HTTP: connection, Now: time.Now, NewID: newID,
	}}, nil
}

// connect makes the HTTP client of all commands.
func (c *commands) connect() (*http.Client, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, Proxy: http.ProxyFromEnvironment}
	if c.CA != "" {
		authorities, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("--ca: %s holds no certificate in PEM form", c.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: transport, Timeout: time.Minute}, nil
}

// missing lists the flags that every command needs which calls a service, and that are not there.
func (c *commands) missing() []string {
	var missing []string
	for _, flag := range [][2]string{{c.P12, "--p12=FILE"}, {c.PasswordFile, "--password-file=FILE"}, {c.URL, "--url=URL"}} {
		if flag[0] == "" {
			missing = append(missing, flag[1])
		}
	}
	return missing
}

// newID makes an identifier that is an NCName.
func newID() string { return "_" + rand.Text() }

// header is the beginning of a new request.
func (c *caller) header() wire.Header {
	h := wire.Header{}
	c.complete(&h)
	return h
}

// complete stamps a request, and names the author of the command line, if there is one, in place of the file's.
func (c *caller) complete(h *wire.Header) {
	h.ID, h.IssueInstant = newID(), time.Now().UTC().Format(time.RFC3339)
	if c.author != "" {
		h.Author = &wire.Author{HcParty: []wire.HcParty{{
			ID: []wire.PartyID{{Type: "urn:be:fgov:person:ssin", Value: c.author}}, Name: "author",
		}}}
	}
}

// print shows an answer: as JSON, or in words.
func (c *caller) print(answer any, words func(io.Writer)) error {
	if !c.json {
		words(c.out)
		return nil
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

// readRequest reads a request from a file: the element itself, or a whole envelope around it.
func readRequest[Q any](file, name string) (*Q, error) {
	octets, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the request: %w", err)
	}
	document, err := xmldoc.Parse(octets, xmldoc.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	root := document.Root()
	if root.Local() == "Envelope" {
		if root, _, err = soap.ReadReply(document); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if !root.Is(wire.NamespaceProtocol, name) {
		return nil, fmt.Errorf("%s: the element is not %s of %s", file, name, wire.NamespaceProtocol)
	}
	return wire.Decode[Q](root)
}
