// Package wsdl renders a contract in the forms that toolkits need: with a port for SOAP 1.1 or 1.2, with a
// WS-SecurityPolicy, with inlined schemas, or as an archive. Contract.Render is the entry point.
//
// It knows no contract of its own: a Contract is a value, with a template from Templates, one folder for each contract.
// Specifications: WSDL 1.1 (document style, literal, bare) and its binding for SOAP 1.2, WS-Policy 1.2 and
// WS-SecurityPolicy 1.2. As WS-I Basic Profile 1.1 requires, there is no encoding, no header in the binding, and faults
// are declared by element.
package wsdl

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/openctr/ctr/xsd"
)

// Form is a form of the contract, named as in the query of its URL: ?wsdl=FORM.
type Form string

// The available forms.
const (
	Plain  Form = ""       // SOAP 1.1, schemas by reference, no policy
	SOAP12 Form = "soap12" // SOAP 1.2 instead of SOAP 1.1
	Policy Form = "policy" // like Plain, with an X.509 policy on the input messages
	Flat   Form = "flat"   // like Plain, with inlined schemas
	Zip    Form = "zip"    // an archive with all other forms and the schemas
)

// ParseForm returns the form that a query names.
func ParseForm(query string) (Form, bool) {
	switch f := Form(query); f {
	case Plain, SOAP12, Policy, Flat, Zip:
		return f, true
	}
	return "", false
}

// ContentType returns the media type of what Render returns.
func (f Form) ContentType() string {
	if f == Zip {
		return "application/zip"
	}
	return "text/xml; charset=utf-8"
}

// Templates contains the text of each contract, a text/template, in a folder of its own.
//
//go:embed */*.wsdl
var Templates embed.FS

// Contract describes a SOAP service to its callers.
type Contract struct {
	Name       string      // base of the file names in the archive, such as ctr-v1
	Path       string      // URL path of the service
	Namespace  string      // target namespace, which is that of the messages
	Files      fs.FS       // contains the template
	Template   string      // file name of the template
	Schemas    fs.FS       // all schemas side by side: the contract's own and those of the eHealth platform
	Messages   string      // file name of the schema that declares the messages
	Published  time.Time   // modification time of the files in the archive
	Operations []Operation // in the order of the contract
}

// Operation is one operation of a contract.
type Operation struct {
	Name          string // as in the names of its messages, NotifyImplant
	Documentation string
}

// LocalName is the name of the operation in the WSDL, notifyImplant, from which toolkits make the name of a method.
func (o Operation) LocalName() string { return strings.ToLower(o.Name[:1]) + o.Name[1:] }

// Action returns the SOAPAction of an operation.
func (c Contract) Action(operation string) string { return c.Namespace + ":" + operation }

// FileName returns the file name of the plain form in the archive and in downloads.
func (c Contract) FileName() string { return c.Name + ".wsdl" }

// schemaImport is an import of a schema in the WSDL.
type schemaImport struct{ Namespace, Location string }

// Render returns a form of the contract for a service at the given URL. schemas precedes the file name of a schema in
// its URL: see SchemaAddresses.
func (c Contract) Render(form Form, address, schemas string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("wsdl: the service's address is not an absolute http or https address")
	}
	if form == Zip {
		return c.buildArchive(address)
	}
	if form == Flat {
		inline, err := c.inlineSchemas()
		if err != nil {
			return nil, err
		}
		return c.renderTemplate(form, address, inline, "")
	}
	return c.renderTemplate(form, address, nil, schemas)
}

// SchemaAddresses returns what precedes the file name of a schema in its URL, relative to the URL of the contract and
// of the other schemas, which is that of the service with a query (RFC 3986 section 5.2). It repeats the last segment
// of that URL, whatever a gateway calls it; a bare "?xsd=" breaks JAX-WS and gSOAP. slashAdded says that the caller
// wrote a slash behind the address of the service.
func SchemaAddresses(address string, slashAdded bool) string {
	const query = "?xsd="
	u, err := url.Parse(address)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return "/" + query
	}
	ownSlash := strings.HasSuffix(u.Path, "/")
	segment := path.Base(u.EscapedPath())
	switch {
	case ownSlash:
		return "../" + segment + "/" + query
	case slashAdded:
		return "../" + segment + query
	case strings.Contains(segment, ":"): // which would end a scheme
		return "./" + segment + query
	}
	return segment + query
}

// describedOperation is an operation as a template names its parts.
type describedOperation struct{ Name, Message, Documentation, Action string }

func (c Contract) renderTemplate(form Form, address string, inline []string, prefix string) ([]byte, error) {
	t, err := template.ParseFS(c.Files, c.Template)
	if err != nil {
		return nil, fmt.Errorf("wsdl: %w", err)
	}
	operations := make([]describedOperation, 0, len(c.Operations))
	for _, o := range c.Operations {
		operations = append(operations, describedOperation{o.LocalName(), o.Name, o.Documentation, c.Action(o.Name)})
	}
	envelope := "http://schemas.xmlsoap.org/wsdl/soap/"
	if form == SOAP12 {
		envelope = "http://schemas.xmlsoap.org/wsdl/soap12/"
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"SOAP":       envelope,
		"Policy":     form == Policy,
		"Address":    address,
		"Operations": operations,
		"Inline":     inline,
		"Imports": []schemaImport{
			{c.Namespace, prefix + c.Messages},
			{"urn:be:fgov:ehealth:errors:soa:v1", prefix + xsd.Errors},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("wsdl: %w", err)
	}
	return out.Bytes(), nil
}

// Patterns that are rewritten in this project's schemas, which write them uniformly.
var (
	schemaLocationPattern = regexp.MustCompile(` schemaLocation="([^"]*)"`)
	xmlImportPattern      = regexp.MustCompile(
		`\n *<xs:import namespace="http://www\.w3\.org/XML/1998/namespace"[^>]*/>\n`,
	)
	xmlAttributePattern = regexp.MustCompile(`<xs:attribute ref="xml:[^>]*/>`)
)

// Schema returns a schema by file name as it is served beside the contract, with imports by URL: see SchemaAddresses.
func (c Contract) Schema(name, schemas string) ([]byte, bool) {
	if strings.Contains(name, "/") {
		return nil, false
	}
	text, err := fs.ReadFile(c.Schemas, name)
	if err != nil {
		return nil, false
	}
	return schemaLocationPattern.ReplaceAllFunc(text, func(location []byte) []byte {
		file := schemaLocationPattern.FindSubmatch(location)[1]
		return fmt.Appendf(nil, ` schemaLocation="%s%s"`, html.EscapeString(schemas), file)
	}), true
}

// inlineSchemas returns the schemas as they are inlined in the contract: without XML declaration, imports without
// locations, and each schema after those that it imports, because some toolkits resolve an import when they read it.
// The attribute xml:lang is replaced by any attribute of its namespace: an import of that namespace without a location
// makes zeep access the network even if the schema is inlined too, and without the import strict toolkits refuse the
// reference.
func (c Contract) inlineSchemas() ([]string, error) {
	var all []string
	seen := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		text, err := fs.ReadFile(c.Schemas, name)
		if err != nil {
			return fmt.Errorf("wsdl: %w", err)
		}
		text = xmlImportPattern.ReplaceAll(text, nil)
		text = xmlAttributePattern.ReplaceAll(text, []byte(
			`<xs:anyAttribute namespace="http://www.w3.org/XML/1998/namespace" processContents="lax"/>`))
		for _, found := range schemaLocationPattern.FindAllSubmatch(text, -1) {
			if err := add(string(found[1])); err != nil {
				return err
			}
		}
		_, body, _ := strings.Cut(string(text), "?>\n")
		all = append(all, schemaLocationPattern.ReplaceAllString(body, ""))
		return nil
	}
	for _, name := range []string{c.Messages, xsd.Errors} {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// archivedForms lists the forms in the archive, each with the end of its file name. They reference the schemas beside
// them by file name.
var archivedForms = []struct {
	form   Form
	suffix string
}{
	{Plain, ".wsdl"},
	{SOAP12, "-soap12.wsdl"},
	{Policy, "-policy.wsdl"},
	{Flat, "-flat.wsdl"},
}

// listArchiveFiles returns the files of the archive by name: the forms of the contract and the schemas.
func (c Contract) listArchiveFiles(address string) (map[string][]byte, error) {
	inline, err := c.inlineSchemas()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, a := range archivedForms {
		schemas := inline
		if a.form != Flat {
			schemas = nil
		}
		if files[c.Name+a.suffix], err = c.renderTemplate(a.form, address, schemas, ""); err != nil {
			return nil, err
		}
	}
	schemas, err := fs.Glob(c.Schemas, "*.xsd")
	if err != nil {
		return nil, err
	}
	for _, name := range schemas {
		if files[name], err = fs.ReadFile(c.Schemas, name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// buildArchive returns the archive. It is reproducible: the same URL gives the same bytes. Its files have the date of
// the contract's publication, because without one, unpacking sets dates that make considers to be in the future.
func (c Contract) buildArchive(address string) ([]byte, error) {
	files, err := c.listArchiveFiles(address)
	if err != nil {
		return nil, fmt.Errorf("wsdl: archive: %w", err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: c.Published}
		header.SetMode(0o644)
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("wsdl: archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("wsdl: archive: %w", err)
	}
	return out.Bytes(), nil
}
