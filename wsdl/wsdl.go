// Package wsdl renders the contract in the forms that toolkits need: with a port for SOAP 1.1 or 1.2, with a
// WS-SecurityPolicy, with inlined schemas, or as an archive.
//
// It is a package of its own because an embedded file must be in or below the directory of the Go file that embeds it.
// Specifications: WSDL 1.1 (document style, literal, bare) and its binding for SOAP 1.2, WS-Policy 1.2 and
// WS-SecurityPolicy 1.2. As WS-I Basic Profile 1.1 requires, there is no encoding, no header in the binding, and faults
// are declared by element.
package wsdl

import (
	"archive/zip"
	"bytes"
	_ "embed" // for the template
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
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

// FileName is the file name of the contract in the archive and in downloads.
const FileName = "ctr-v1.wsdl"

// Operation is one operation of the contract.
type Operation struct {
	Name          string // in lowerCamelCase
	Message       string // prefix of the names of its messages
	Documentation string
}

// Action returns the SOAPAction of the operation.
func (o Operation) Action() string { return protocolNamespace + ":" + o.Message }

const protocolNamespace = "urn:be:fgov:ehealth:ctr:protocol:v1"

// Operations lists the operations in the order of the contract.
func Operations() []Operation {
	return []Operation{
		{"notifyImplant", "NotifyImplant", "Reports an operation in which implants were placed, and returns the receipt."},
		{"notifyExplant", "NotifyExplant", "Reports an operation in which implants were removed, and returns the receipt."},
		{"search", "Search", "Finds notifications by patient, by number or by implant."},
		{"getImplantCard", "GetImplantCard", "Returns the implant card of a notification, or the cumulative card of a patient, as PDF."},
		{"getNotification", "GetNotification", "Returns one notification in full, with its history."},
		{"reviseNotification", "ReviseNotification", "Puts other content in the place of a notification's, and returns the receipt of the new version."},
		{"validateNotification", "ValidateNotification", "Makes a notification final that was prepared for its specialist, and returns the receipt with its number."},
		{"discardNotification", "DiscardNotification", "Discards a notification that is not final yet, or withdraws a final one."},
		{"listPendingNotifications", "ListPendingNotifications", "Lists the notifications that wait for more work or for their specialist."},
		{"listPatientImplants", "ListPatientImplants", "Lists the implants of a patient, with what remains of each."},
		{"searchDevice", "SearchDevice", "Finds devices on the list of notified implants."},
		{"manageMandate", "ManageMandate", "Grants, accepts, ends or transfers a mandate to prepare notifications."},
		{"listMandates", "ListMandates", "Lists the mandates that the caller gave and got."},
		{"manageStaff", "ManageStaff", "Gives somebody a role in the organisation that signs, or takes it back."},
		{"listStaff", "ListStaff", "Lists the roles in the organisation that signs."},
	}
}

//go:embed ctr-v1.wsdl
var templateSource string

var parseTemplate = sync.OnceValues(func() (*template.Template, error) { return template.New(FileName).Parse(templateSource) })

// schemaImport is an import of a schema in the WSDL.
type schemaImport struct{ Namespace, Location string }

// Render returns a form of the contract for a service at the given URL.
func Render(form Form, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("wsdl: the service's address is not an absolute http or https address")
	}
	if form == Zip {
		return buildArchive(address)
	}
	if form == Flat {
		inline, err := inlineSchemas()
		if err != nil {
			return nil, err
		}
		return renderTemplate(form, address, inline, "")
	}
	return renderTemplate(form, address, nil, schemaAddressPrefix)
}

// schemaAddressPrefix precedes the file name of a schema in its URL, relative to the URL of the contract. A toolkit
// resolves it against the latter, whose last segment is v1; a bare "?xsd=" breaks JAX-WS and gSOAP.
const schemaAddressPrefix = "v1?xsd="

func renderTemplate(form Form, address string, inline []string, prefix string) ([]byte, error) {
	t, err := parseTemplate()
	if err != nil {
		return nil, fmt.Errorf("wsdl: %w", err)
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
		"Operations": Operations(),
		"Inline":     inline,
		"Imports": []schemaImport{
			{protocolNamespace, prefix + xsd.Protocol},
			{"urn:be:fgov:ehealth:errors:soa:v1", prefix + xsd.Errors},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("wsdl: %w", err)
	}
	return out.Bytes(), nil
}

// Patterns that are rewritten in the project's own schemas, which write them uniformly.
var (
	schemaLocationPattern = regexp.MustCompile(` schemaLocation="([^"]*)"`)
	xmlImportPattern      = regexp.MustCompile(`\n *<xs:import namespace="http://www\.w3\.org/XML/1998/namespace"[^>]*/>\n`)
	xmlAttributePattern   = regexp.MustCompile(`<xs:attribute ref="xml:[^>]*/>`)
)

// Schema returns a schema by file name as it is served beside the contract, with imports by URL.
func Schema(name string) ([]byte, bool) {
	if strings.Contains(name, "/") {
		return nil, false
	}
	text, err := fs.ReadFile(xsd.Files, name)
	if err != nil {
		return nil, false
	}
	return schemaLocationPattern.ReplaceAll(text, []byte(` schemaLocation="`+schemaAddressPrefix+`$1"`)), true
}

// inlineSchemas returns the schemas as they are inlined in the contract: without XML declaration, imports without
// locations, and each schema after those that it imports, because some toolkits resolve an import when they read it.
// The attribute xml:lang is replaced by any attribute of its namespace: an import of that namespace without a location
// makes zeep access the network even if the schema is inlined too, and without the import strict toolkits refuse the
// reference.
func inlineSchemas() ([]string, error) {
	var all []string
	seen := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		text, err := fs.ReadFile(xsd.Files, name)
		if err != nil {
			return fmt.Errorf("wsdl: %w", err)
		}
		text = xmlImportPattern.ReplaceAll(text, nil)
		text = xmlAttributePattern.ReplaceAll(text, []byte(`<xs:anyAttribute namespace="http://www.w3.org/XML/1998/namespace" processContents="lax"/>`))
		for _, found := range schemaLocationPattern.FindAllSubmatch(text, -1) {
			if err := add(string(found[1])); err != nil {
				return err
			}
		}
		_, body, _ := strings.Cut(string(text), "?>\n")
		all = append(all, schemaLocationPattern.ReplaceAllString(body, ""))
		return nil
	}
	for _, name := range []string{xsd.Protocol, xsd.Errors} {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// archivedForms lists the forms in the archive. They reference the schemas beside them by file name.
var archivedForms = []struct {
	form Form
	name string
}{
	{Plain, FileName},
	{SOAP12, "ctr-v1-soap12.wsdl"},
	{Policy, "ctr-v1-policy.wsdl"},
	{Flat, "ctr-v1-flat.wsdl"},
}

// archiveDate is the modification time of the files in the archive: the date of the first version of the contract.
// Without one, unpacking sets dates that make considers to be in the future.
var archiveDate = time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)

// listArchiveFiles returns the files of the archive by name: the forms of the contract and the schemas.
func listArchiveFiles(address string) (map[string][]byte, error) {
	inline, err := inlineSchemas()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, a := range archivedForms {
		schemas := inline
		if a.form != Flat {
			schemas = nil
		}
		if files[a.name], err = renderTemplate(a.form, address, schemas, ""); err != nil {
			return nil, err
		}
	}
	schemas, err := fs.Glob(xsd.Files, "*.xsd")
	if err != nil {
		return nil, err
	}
	for _, name := range schemas {
		if files[name], err = xsd.Files.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// buildArchive returns the archive. It is reproducible: the same URL gives the same bytes.
func buildArchive(address string) ([]byte, error) {
	files, err := listArchiveFiles(address)
	if err != nil {
		return nil, fmt.Errorf("wsdl: archive: %w", err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: archiveDate}
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
