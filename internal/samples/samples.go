// Package samples makes signed requests: good ones, and ones that are wrong in one known way each.
//
// It is separate because two show what a service makes of them: the pages of a development service, and the conformance run
// against one. It signs whatever stands in the text that it is given, as the tests of the signature do, so that it can also
// make what no careful library would: client and wsse.Sign are for messages that mean something. The contract is that of
// wsdl/ and xsd/; the form is that of SOAP Message Security 1.1.1 with the X.509 token profile.
package samples

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
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/soap"
)

//go:embed messages/*.xml
var messages embed.FS

// Data is whom and what the requests are about. A service knows all of it.
type Data struct {
	Author     string // SSIN of the specialist who acts
	Name       string // the author's
	Patient    string // SSIN
	Prescriber string // NIHII
	Code       string // notification code of a device
	Device     string // its device identifier, the 14 digits of a GTIN
}

// Development is of the data with which a development service begins.
func Development() Data {
	return Data{Author: "78031412250", Name: "Claes", Patient: "48022907379", Prescriber: "17800389480", Code: "000071200176", Device: "05410000001047"}
}

// Maker makes requests and signs them.
type Maker struct {
	Data  Data
	Now   func() time.Time
	NewID func() string // of letters, digits, "-" and "_", beginning with a letter or "_"
}

// Values are what one request says beyond the Data. Those that are empty take something that fits.
type Values struct {
	Reference string // the caller's own key of a submission
	Number    string // of a notification; without it the patient is asked for
	Implant   string // identifier of one to remove; without it one that was never registered
	Comment   string
}

// Operations are those of which there are samples, in the order in which a caller meets them.
func Operations() []string {
	return []string{"NotifyImplant", "Search", "GetImplantCard", "ListPatientImplants", "NotifyExplant", "SearchDevice"}
}

// Request writes the request of an operation. Operations are two days old, and their prescriptions twenty.
func (m *Maker) Request(operation string, v Values) (string, error) {
	now, id := m.Now(), m.NewID()
	if v.Reference == "" {
		v.Reference = "EPD" + id
	}
	if v.Comment == "" {
		v.Comment = "total knee replacement"
	}
	day := func(ago int) string { return now.AddDate(0, 0, -ago).Format(time.DateOnly) }
	return fill(operation, map[string]string{
		"ID": id, "Issued": now.UTC().Format(time.RFC3339), "Author": m.Data.Author, "Name": m.Data.Name, "Patient": m.Data.Patient,
		"Prescriber": m.Data.Prescriber, "Code": m.Data.Code, "Device": m.Data.Device, "Serial": "S-" + short(id),
		"Operation": day(2), "Prescription": day(20),
		"Reference": v.Reference, "Number": v.Number, "Implant": v.Implant, "Comment": v.Comment,
	})
}

// short is an identifier that fits a serial number of GS1: at most 20 characters.
func short(id string) string {
	const most = 16
	id = strings.Trim(id, "_-")
	return id[max(0, len(id)-most):]
}

// fill fills in one of the messages.
func fill(name string, values map[string]string) (string, error) {
	t, err := template.New(name+".xml").ParseFS(messages, "messages/"+name+".xml")
	if err != nil {
		return "", fmt.Errorf("there is no sample of %s: %w", name, err)
	}
	for key, value := range values {
		if key != "Request" { // is XML
			values[key] = template.HTMLEscapeString(value)
		}
	}
	var b bytes.Buffer
	if err = t.Execute(&b, values); err != nil {
		return "", fmt.Errorf("the sample of %s: %w", name, err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// Unsigned writes a request in an envelope, as it is before it is signed.
func Unsigned(version soap.Version, request string) string {
	return `<soap:Envelope xmlns:soap="` + version.Namespace() + "\">\n  <soap:Body>\n" + indented(request) + "\n  </soap:Body>\n</soap:Envelope>\n"
}

func indented(request string) string {
	return "    " + strings.ReplaceAll(request, "\n", "\n    ")
}

// lifetime is how long a message says that it is good. A service takes five minutes at most.
const lifetime = 5 * time.Minute

// Sign signs a request with a key: Body, Timestamp and certificate, in the form that every service takes.
func (m *Maker) Sign(version soap.Version, key *pki.Key, request string) (string, error) {
	text, err := envelope(version, key, m.Now(), request)
	if err != nil {
		return "", err
	}
	return sign(text, key.Signer)
}

// envelope is a message whose digests and signature are still empty.
func envelope(version soap.Version, key *pki.Key, created time.Time, request string) (string, error) {
	algorithm, _, known := dsig.MethodOf(key.Signer.Public())
	if !known {
		return "", errKeyKind
	}
	const form = "2006-01-02T15:04:05.000Z"
	return fill("envelope", map[string]string{
		"SOAP": version.Namespace(), "Created": created.UTC().Format(form), "Expires": created.Add(lifetime).UTC().Format(form),
		"Certificate": base64.StdEncoding.EncodeToString(key.Certificate.Raw), "Algorithm": algorithm, "Request": indented(request),
	})
}

// errNoToken says that a message has no certificate to attach.
var errNoToken = errors.New("the message holds no token")

// Packed makes the package of MTOM of a signed message, with the certificate as attachment.
func Packed(version soap.Version, message string) (contentType, octets string, err error) {
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
	return `multipart/related; type="application/xop+xml"; start="<root@ctr>"; start-info="` + media + `"; boundary="` + boundary + `"`,
		"--" + boundary + "\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"" + media + "\"\r\n" +
			"Content-Transfer-Encoding: binary\r\nContent-ID: <root@ctr>\r\n\r\n" + envelope +
			"\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <token@ctr>\r\n\r\n" +
			string(token) + "\r\n--" + boundary + "--\r\n", nil
}
