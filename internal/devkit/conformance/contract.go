package conformance

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/wire/ctr"
	"github.com/openctr/ctr/wsdl"
	"github.com/openctr/ctr/xsd"
)

// namespaceWSDL is the namespace of WSDL 1.1.
const namespaceWSDL = "http://schemas.xmlsoap.org/wsdl/"

// contractTests lists the tests of the WSDL, the schemas and the health checks that a server publishes.
func contractTests() []serverTest {
	all := []serverTest{
		{
			Requirement{
				"S01", "The contract is served at ?wsdl, with every operation and the server's own address.",
				"WSDL 1.1; README, Call it",
			},
			func(ctx context.Context, r *serverRun) error { return r.checkWSDL(ctx, wsdl.Plain, "") },
		},
		{Requirement{"S02", "?wsdl=soap12 gives the contract with a binding of SOAP 1.2.", "WSDL 1.1 binding for SOAP 1.2"},
			func(ctx context.Context, r *serverRun) error {
				return r.checkWSDL(ctx, wsdl.SOAP12, "http://schemas.xmlsoap.org/wsdl/soap12/")
			}},
		{Requirement{"S03", "?wsdl=policy gives the contract with a policy of WS-SecurityPolicy.", "WS-SecurityPolicy 1.2"},
			func(ctx context.Context, r *serverRun) error {
				return r.checkWSDL(ctx, wsdl.Policy, "AsymmetricBinding")
			}},
		{Requirement{"S04", "?wsdl=flat gives the contract in one document, with the schemas inlined.", "wsdl/"},
			func(ctx context.Context, r *serverRun) error {
				return r.checkWSDL(ctx, wsdl.Flat, `targetNamespace="urn:be:fgov:ehealth:ctr:core:v1"`)
			}},
		{Requirement{"S05", "?wsdl=zip gives an archive with the contract and the schemas.", "wsdl/"}, testWSDLArchive},
		{Requirement{
			"S06", "Every schema is served beside the contract at v1?xsd=NAME, and says what the published one says.", "xsd/",
		}, testSchemas},
		{
			Requirement{"S07", "/livez and /readyz answer 200 while the server takes messages.", "docs/operating.md"},
			testHealth,
		},
	}
	return all
}

// checkWSDL fetches the contract in a form and requires every operation, an address, and mark, a text specific to the
// form.
func (r *serverRun) checkWSDL(ctx context.Context, f wsdl.Form, mark string) error {
	address := "?wsdl"
	if f != wsdl.Plain {
		address += "=" + string(f)
	}
	a, err := r.fetchURL(ctx, r.URL+address)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("it is answered with HTTP %d", a.status)
	}
	document, err := xmldoc.Parse(a.body, xmldoc.DefaultLimits())
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	root, offered := document.Root(), map[string]bool{}
	if !root.Is(namespaceWSDL, "definitions") {
		return fmt.Errorf("it begins with %s, not with definitions of WSDL", root.Local())
	}
	for port := range root.Children() {
		for operation := range port.Children() {
			if port.Is(namespaceWSDL, "portType") && operation.Is(namespaceWSDL, "operation") {
				name, _ := operation.Attr("", "name")
				offered[name] = true
			}
		}
	}
	var missing []string
	for _, o := range ctr.Contract().Operations {
		if !offered[o.LocalName()] {
			missing = append(missing, o.LocalName())
		}
	}
	switch {
	case len(missing) > 0:
		return errors.New("it lacks " + strings.Join(missing, ", "))
	case !bytes.Contains(a.body, []byte(mark)):
		return errors.New("it is not in this form")
	case !bytes.Contains(a.body, []byte("address location=")):
		return errors.New("it holds no address")
	}
	return nil
}

func testWSDLArchive(ctx context.Context, r *serverRun) error {
	a, err := r.fetchURL(ctx, r.URL+"?wsdl=zip")
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		return fmt.Errorf("HTTP %d, and it is no archive", a.status)
	}
	holds := map[string]bool{}
	for _, file := range archive.File {
		holds[file.Name] = true
	}
	contract := ctr.Contract()
	for _, name := range []string{contract.FileName(), contract.Messages, xsd.Errors} {
		if !holds[name] {
			return fmt.Errorf("it lacks %s", name)
		}
	}
	return nil
}

// testSchemas compares the canonical forms of the served and the published schemas.
func testSchemas(ctx context.Context, r *serverRun) error {
	contract := ctr.Contract()
	names, err := fs.Glob(contract.Schemas, "*.xsd")
	if err != nil {
		return err
	}
	for _, name := range names {
		a, err := r.fetchURL(ctx, r.URL+"?xsd="+name)
		if err != nil {
			return err
		}
		if a.status != http.StatusOK {
			return fmt.Errorf("%s is answered with HTTP %d", name, a.status)
		}
		served, err := canonicalize(schemaAddress.ReplaceAll(a.body, []byte(` schemaLocation="?xsd=`)))
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", name, err)
		}
		ours, _ := contract.Schema(name, "?xsd=")
		published, err := canonicalize(ours)
		if err != nil {
			return err
		}
		if !bytes.Equal(served, published) {
			return fmt.Errorf("%s says something else", name)
		}
	}
	return nil
}

// schemaAddress matches what a service writes before the names of schemas: it depends on its public URL.
var schemaAddress = regexp.MustCompile(` schemaLocation="[^"?]*\?xsd=`)

func canonicalize(data []byte) ([]byte, error) {
	document, err := xmldoc.Parse(data, xmldoc.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return xmldoc.C14N{}.Append(nil, document.Root()), nil
}

func testHealth(ctx context.Context, r *serverRun) error {
	scheme := strings.Index(r.URL, "://")
	base := r.URL
	if slash := strings.IndexByte(r.URL[scheme+3:], '/'); scheme > 0 && slash > 0 {
		base = r.URL[:scheme+3+slash]
	}
	for _, path := range []string{"/livez", "/readyz"} {
		a, err := r.fetchURL(ctx, base+path)
		if err != nil {
			return err
		}
		if a.status != http.StatusOK {
			return fmt.Errorf("%s answers %d", path, a.status)
		}
	}
	return nil
}
