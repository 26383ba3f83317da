package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/message/dsig"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/wsse"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/wire"
	"github.com/openctr/ctr/wsdl"
	"github.com/openctr/ctr/xsd"
)

type checkCommand struct {
	File      string       `arg:"" help:"The message as it was sent: the envelope, or with its Content-Type line before it, as a MTOM package must be." type:"existingfile"`
	Trust     []string     `help:"PEM file of authorities that the service trusts; who issued the certificate is not checked when left out. Repeatable." type:"existingfile" placeholder:"FILE"`
	Known     []string     `help:"PEM file of certificates that are registered with the service. Repeatable." type:"existingfile" placeholder:"FILE"`
	At        string       `help:"The service's time, as 2026-11-21T10:00:00Z; now when left out." placeholder:"INSTANT"`
	Strict    bool         `help:"As a service that wants the certificate to be signed too."`
	Lang      problem.Lang `help:"Language of what to change: en, nl, fr or de." enum:"en,nl,fr,de" default:"en"`
	Canonical string       `help:"Your own canonical form, to find where it differs from the service's." type:"existingfile" placeholder:"FILE"`
	Of        string       `help:"Of which signed part --canonical is: the name of its element, its identifier, or SignedInfo." default:"Body"`
}

// errWouldBeRefused is how a check ends that found something. What it found has been printed.
var errWouldBeRefused = errors.New("the message would be refused")

// terminal is what a command needs that calls no service.
type terminal struct {
	out  io.Writer
	json bool
	now  func() time.Time
}

// Run tells everything that the service would refuse in a message.
func (c *checkCommand) Run(t *terminal) error {
	options, err := c.options(t.now())
	if err != nil {
		return err
	}
	octets, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("the message: %w", err)
	}
	r := &checkReport{File: c.File, At: options.At, lang: c.Lang}
	security, err := r.inspect(octets, options)
	if err != nil {
		return err
	}
	if c.Canonical != "" {
		if r.Difference, err = c.compare(security); err != nil {
			return err
		}
	}
	if err = r.print(t); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if r.Refused > 0 {
		return errWouldBeRefused
	}
	return nil
}

func (c *checkCommand) options(now time.Time) (wsse.InspectOptions, error) {
	o := wsse.InspectOptions{At: now.UTC(), Strict: c.Strict}
	if c.At != "" {
		at, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			return o, fmt.Errorf("--at: %q is not an instant like 2026-11-21T10:00:00Z", c.At)
		}
		o.At = at.UTC()
	}
	if len(c.Trust) > 0 {
		files, err := readFiles(c.Trust)
		if err != nil {
			return o, fmt.Errorf("--trust: %w", err)
		}
		if o.Trust, err = pki.ReadTrust(0, files...); err != nil {
			return o, fmt.Errorf("--trust: %w", err)
		}
	}
	if len(c.Known) > 0 {
		files, err := readFiles(c.Known)
		if err != nil {
			return o, fmt.Errorf("--known: %w", err)
		}
		if o.Known, err = pki.ReadDirectory(files...); err != nil {
			return o, fmt.Errorf("--known: %w", err)
		}
	}
	return o, nil
}

func readFiles(names []string) ([][]byte, error) {
	all := make([][]byte, 0, len(names))
	for _, name := range names {
		octets, err := os.ReadFile(name)
		if err != nil {
			return nil, err //nolint:wrapcheck // the callers name the flag, and the error names the file
		}
		all = append(all, octets)
	}
	return all, nil
}

// inspect takes the message along the way that it goes in the service, as far as that is possible without a service. What
// comes after a step that leaves nothing to look at is not checked, and the report says so. It returns nothing when the
// message cannot be opened.
func (r *checkReport) inspect(octets []byte, o wsse.InspectOptions) (*wsse.Report, error) {
	envelope, document := r.open(octets)
	if envelope == nil {
		r.skip("security", "operation", "schema")
		return nil, nil //nolint:nilnil // there is no security to look at
	}
	security := wsse.Inspect(envelope, o)
	r.addSecurity(security, o)

	content := document.Root().Child(envelope.Version().Namespace(), "Body").FirstChild()
	if !isRequest(content) {
		r.add("operation", problem.New(problem.OperationUnknown).In("soap:Body"), fact{"element", content.Local()}, fact{"namespace", content.Space()})
		r.skip("schema")
		return security, nil
	}
	r.add("operation", nil, fact{"element", content.Local()})
	schemas, err := schema.Compile(xsd.Files, xsd.Protocol)
	if err != nil {
		return nil, fmt.Errorf("the schemas: %w", err)
	}
	_, err = schemas.Check(content)
	r.add("schema", err)
	return security, nil
}

// open opens the envelope, or reports why it cannot.
func (r *checkReport) open(octets []byte) (*soap.Envelope, *xmldoc.Document) {
	media, octets, err := unpack(octets)
	if media.Packed || err != nil {
		r.add("package", err)
	}
	if err != nil {
		r.skip("XML", "envelope")
		return nil, nil
	}
	document, err := xmldoc.Parse(octets, xmldoc.DefaultLimits())
	r.add("XML", err, fact{"size", strconv.Itoa(len(octets)) + " octets"})
	if err != nil {
		r.skip("envelope")
		return nil, nil
	}
	envelope, err := soap.Open(document)
	if err == nil && media.Version != 0 && envelope.Version() != media.Version {
		err = problem.New(problem.SOAPVersion).In("Content-Type")
	}
	if err != nil {
		r.add("envelope", err)
		return nil, nil
	}
	r.add("envelope", nil, fact{"version", map[soap.Version]string{soap.SOAP11: "SOAP 1.1", soap.SOAP12: "SOAP 1.2"}[envelope.Version()]})
	return envelope, document
}

func isRequest(content xmldoc.Element) bool {
	for _, o := range wsdl.Operations() {
		if content.Is(wire.NamespaceProtocol, o.Message+"Request") {
			return true
		}
	}
	return false
}

// unpack takes the envelope out of a package, which is recognised by its Content-Type before it, as it is in mail and in
// what proxies record of a request.
func unpack(octets []byte) (soap.Media, []byte, error) {
	const field = "content-type:"
	if len(octets) < len(field) || !strings.EqualFold(string(octets[:len(field)]), field) {
		return soap.Media{}, octets, nil
	}
	text := string(octets)
	end, content := -1, ""
	for _, blank := range []string{"\r\n\r\n", "\n\n"} {
		if at := strings.Index(text, blank); at >= 0 && (end < 0 || at < end) {
			end, content = at, text[at+len(blank):]
		}
	}
	if end < 0 {
		return soap.Media{Packed: true}, nil, problem.New(problem.MultipartMalformed, "no empty line after the Content-Type")
	}
	header := strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(text[:end])
	line, _, _ := strings.Cut(header, "\n") // other fields may follow
	media, err := soap.ParseMedia(strings.TrimSpace(line[len(field):]))
	if err != nil {
		return media, nil, err //nolint:wrapcheck // a refusal as it is
	}
	octets, err = media.Unpack([]byte(content), xmldoc.DefaultLimits())
	return media, octets, err //nolint:wrapcheck // as above
}

// addSecurity adds what was found about the signature.
func (r *checkReport) addSecurity(s *wsse.Report, o wsse.InspectOptions) {
	if s.First != nil {
		r.Answer = s.First.Code
	}
	r.addAll("security header", append(append([]*problem.Error(nil), s.Header...), s.Other...))
	if t := s.Timestamp; t != nil {
		facts := []fact{{"service time", instant(o.At)}}
		if !t.Created.IsZero() {
			facts = append(facts, fact{"good", "from " + instant(t.Created.Add(-wsse.Skew)) + " to " + instant(t.Until)}, fact{"created", instant(t.Created)})
		}
		r.addAll("timestamp", t.Refusals, facts...)
	}
	if s.Signature == nil {
		r.skip("signature", "certificate")
		return
	}
	r.addSignature(s.Signature)
	r.addAll("coverage", s.Coverage.Refusals,
		fact{"Body", signedOrNot(s.Coverage.Body, "")}, fact{"Timestamp", signedOrNot(s.Coverage.Timestamp, "")},
		fact{"certificate", signedOrNot(s.Coverage.Certificate, ", which a strict service refuses (--strict)")})
	r.addAll("key reference", s.Key.Refusals, fact{"form", s.Key.Form})
	if c := s.Certificate; c != nil {
		r.addCertificate(c)
	} else {
		r.skip("certificate")
	}
}

func signedOrNot(signed bool, note string) string {
	if signed {
		return "signed"
	}
	return "not signed" + note
}

func (r *checkReport) addSignature(n *dsig.Inspection) {
	r.addAll("signature", n.Structure, fact{"canonicalization", n.Canonicalization}, fact{"method", n.Method})
	for i := range n.References {
		about := &n.References[i]
		facts := []fact{{"URI", about.URI}, {"element", about.Target}}
		for _, transform := range about.Transforms {
			facts = append(facts, fact{"transform", transform})
		}
		facts = append(facts, fact{"digest method", about.DigestMethod}, fact{"digest stated", base64.StdEncoding.EncodeToString(about.Stated)},
			fact{"digest computed", base64.StdEncoding.EncodeToString(about.Computed)})
		name := "reference " + strconv.Itoa(i+1)
		r.addAll(name, about.Refusals, facts...)
		if len(about.Refusals) == 0 && about.Computed == nil {
			r.last().Status = statusUnchecked
		}
	}
	r.addAll("signature value", n.Value)
	switch {
	case !n.Judged && len(n.Value) == 0:
		r.last().Status = statusUnchecked
	case n.Judged && len(n.Value) == 0:
		r.last().Facts = []fact{{"result", "it verifies with the key of the certificate"}}
	}
}

func (r *checkReport) addCertificate(c *wsse.CertificateReport) {
	who := "nobody"
	if c.Subject != (pki.Subject{}) {
		who = c.Subject.String() + " " + c.Subject.Name
	}
	trusted := "not checked: no --trust was given"
	if c.TrustWasChecked {
		trusted = "yes"
		for _, e := range c.Refusals {
			if e.Code == problem.CertUntrusted {
				trusted = "no"
			}
		}
	}
	r.addAll("certificate", c.Refusals, fact{"taken for", who}, fact{"subject", c.Name}, fact{"issuer", c.Issuer},
		fact{"valid", "from " + instant(c.From) + " to " + instant(c.Until)}, fact{"key", c.Key}, fact{"trusted", trusted},
		fact{"revoked", "not checked here"})
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
