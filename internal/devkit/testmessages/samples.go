// Package testmessages generates signed requests: valid ones, and ones with one known mistake each.
//
// Start with a Generator: BuildRequest and Sign make valid messages, BuildMistake makes faulty ones.
//
// It is separate because both the pages of a development service (sandbox) and the conformance tests of a server send
// these messages. It signs any text, whether correct or not, so that it can also produce messages that a careful
// library never does; use client and wsse.Sign for real messages. The contract is in wsdl/ and xsd/; the format is
// SOAP Message Security 1.1.1 with the X.509 Token Profile.
package testmessages

import (
	"bytes"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
)

//go:embed messages/*.xml
var templateFiles embed.FS

// Data holds the persons and the device in the requests. The register under test must contain them.
type Data struct {
	Author           string // SSIN of the specialist on whose behalf the signer acts
	AuthorName       string // last name of the author
	Patient          string // SSIN
	Prescriber       string // NIHII
	NotificationCode string // of the device
	DeviceIdentifier string // UDI-DI of the device, a GTIN of 14 digits
}

// DevelopmentData returns Data from the development data that a development service starts with.
func DevelopmentData() Data {
	return Data{
		Author:           "78031412250",
		AuthorName:       "Claes",
		Patient:          "48022907379",
		Prescriber:       "17800389480",
		NotificationCode: "000071200176",
		DeviceIdentifier: "05410000001047",
	}
}

// Generator builds and signs requests.
type Generator struct {
	Data  Data
	Now   func() time.Time
	NewID func() string // returns an NCName of ASCII letters, digits, "-" and "_"
}

// RequestValues holds the values of one request in addition to Data. Empty fields get a suitable value.
type RequestValues struct {
	InputReference     string // idempotency key of the submission
	NotificationNumber string // without it the request is about the patient
	ImplantID          string // implant to remove; without it one that was never registered
	Comment            string
}

// Operations lists the operations that are offered as test messages, in the order in which a caller needs them.
func Operations() []string {
	return []string{"NotifyImplant", "Search", "GetImplantCard", "ListPatientImplants", "NotifyExplant", "SearchDevice"}
}

// BuildRequest writes the unsigned request of an operation. The surgery is 2 days ago, its prescription 20 days ago.
func (m *Generator) BuildRequest(operation string, v RequestValues) (string, error) {
	now, id := m.Now(), m.NewID()
	if v.InputReference == "" {
		v.InputReference = "EPD" + id
	}
	if v.Comment == "" {
		v.Comment = "total knee replacement"
	}
	day := func(ago int) string { return now.AddDate(0, 0, -ago).Format(time.DateOnly) }
	return renderTemplate(operation, map[string]string{
		"ID":           id,
		"Issued":       now.UTC().Format(time.RFC3339),
		"Author":       m.Data.Author,
		"Name":         m.Data.AuthorName,
		"Patient":      m.Data.Patient,
		"Prescriber":   m.Data.Prescriber,
		"Code":         m.Data.NotificationCode,
		"Device":       m.Data.DeviceIdentifier,
		"Serial":       "S-" + shortenID(id),
		"Operation":    day(2),
		"Prescription": day(20),
		"Reference":    v.InputReference,
		"Number":       v.NotificationNumber,
		"Implant":      v.ImplantID,
		"Comment":      v.Comment,
	})
}

// shortenID shortens an identifier so that, with a prefix, it fits a GS1 serial number of at most 20 characters.
func shortenID(id string) string {
	const maxLength = 16
	id = strings.Trim(id, "_-")
	return id[max(0, len(id)-maxLength):]
}

// renderTemplate executes one of the embedded templates. All values but Request are escaped.
func renderTemplate(name string, values map[string]string) (string, error) {
	t, err := template.New(name+".xml").ParseFS(templateFiles, "messages/"+name+".xml")
	if err != nil {
		return "", fmt.Errorf("there is no sample of %s: %w", name, err)
	}
	for key, value := range values {
		if key != "Request" { // contains XML
			values[key] = template.HTMLEscapeString(value)
		}
	}
	var b bytes.Buffer
	if err = t.Execute(&b, values); err != nil {
		return "", fmt.Errorf("the sample of %s: %w", name, err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// WrapUnsigned writes a request in an envelope without a header.
func WrapUnsigned(version soap.Version, request string) string {
	return `<soap:Envelope xmlns:soap="` + version.Namespace() + "\">\n  <soap:Body>\n" + indentRequest(request) +
		"\n  </soap:Body>\n</soap:Envelope>\n"
}

func indentRequest(request string) string {
	return "    " + strings.ReplaceAll(request, "\n", "\n    ")
}

// messageLifetime is the time from Created to Expires. A service accepts at most five minutes.
const messageLifetime = 5 * time.Minute

// Sign wraps a request in an envelope, and signs Body, Timestamp and certificate, as strict services require too.
func (m *Generator) Sign(version soap.Version, key *x509id.Key, request string) (string, error) {
	text, err := renderEnvelope(version, key, m.Now(), request)
	if err != nil {
		return "", err
	}
	return fillSignature(text, key.Signer)
}

// renderEnvelope writes a message with empty digests and an empty signature value.
func renderEnvelope(version soap.Version, key *x509id.Key, created time.Time, request string) (string, error) {
	algorithm, _, known := dsig.MethodForKey(key.Signer.Public())
	if !known {
		return "", errUnsupportedKey
	}
	const form = "2006-01-02T15:04:05.000Z"
	return renderTemplate("envelope", map[string]string{
		"SOAP":        version.Namespace(),
		"Created":     created.UTC().Format(form),
		"Expires":     created.Add(messageLifetime).UTC().Format(form),
		"Certificate": base64.StdEncoding.EncodeToString(key.Certificate.Raw),
		"Algorithm":   algorithm,
		"Request":     indentRequest(request),
	})
}

// errNoToken reports that a message has no certificate to attach.
var errNoToken = errors.New("the message holds no token")

// PackMTOM writes a signed message as an MTOM package, with the certificate as an attachment.
func PackMTOM(version soap.Version, message string) (contentType, data string, err error) {
	const boundary, end = "ctr-sample", "</wsse:BinarySecurityToken>"
	start, after, found := strings.Cut(message, "<wsse:BinarySecurityToken ")
	attributes, rest, ok := strings.Cut(after, ">")
	encoded, rest, closed := strings.Cut(rest, end)
	token, err := base64.StdEncoding.DecodeString(encoded)
	if !found || !ok || !closed || err != nil {
		return "", "", errNoToken
	}
	media, _, _ := strings.Cut(version.ContentType(), ";")
	envelope := start + "<wsse:BinarySecurityToken " + attributes +
		`><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:token@ctr"/>` + end + rest
	return `multipart/related; type="application/xop+xml"; start="<root@ctr>"; start-info="` +
			media + `"; boundary="` + boundary + `"`,
		"--" + boundary + "\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"" + media + "\"\r\n" +
			"Content-Transfer-Encoding: binary\r\nContent-ID: <root@ctr>\r\n\r\n" + envelope +
			"\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\n" +
			"Content-Transfer-Encoding: binary\r\nContent-ID: <token@ctr>\r\n\r\n" +
			string(token) + "\r\n--" + boundary + "--\r\n", nil
}
