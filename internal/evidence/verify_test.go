package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/evidence"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/dsigtest"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

var acceptedAt = time.Date(2026, 11, 21, 10, 0, 30, 0, time.UTC)

// register is the operator: it has the service's key, and states whatever it likes.
type register struct {
	key     ed25519.PrivateKey
	version implants.VersionProof
}

func (r register) Proofs(context.Context, ident.NotificationNumber) ([]implants.VersionProof, error) {
	return []implants.VersionProof{r.version}, nil
}

func (r register) Sign(_ context.Context, data []byte) ([]byte, auditlog.PublicKey, error) {
	public, _ := r.key.Public().(ed25519.PublicKey)
	return ed25519.Sign(r.key, data), auditlog.PublicKey{KeyID: "key-1", Key: public}, nil
}

// newRegister returns a register that states that it accepted the message.
func newRegister(message string, certificate *x509.Certificate) register {
	r := register{key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))}
	columns := [][]byte{[]byte("1"), []byte("2026-11-21T10:00:30.000000Z"), []byte("corr-1"), []byte("NotifyImplant"),
		[]byte("accepted"), nil, []byte("specialist of the operation"), nil, []byte("NIHII-HOSPITAL=71000436"), []byte("71000436"),
		[]byte("3"), []byte("doctor"), []byte("4"), []byte("26112100000187")}
	r.version = implants.VersionProof{
		Reference: "ref-1", Version: 1, Type: implants.TypeImplantation, State: implants.Final, Change: implants.ChangeNotified,
		RegisteredAt: acceptedAt, Signer: "NIHII-HOSPITAL=71000436", Digest: digestOfBody(message),
		Evidence: &implants.Evidence{Message: []byte(message), Certificate: certificate.Raw},
		AuditRecord: &platform.AuditRecord{Seq: 1, OccurredAt: acceptedAt, Correlation: "corr-1", Operation: "NotifyImplant",
			Outcome: platform.OutcomeAccepted, Reason: "specialist of the operation"},
	}
	body := r.version.Digest
	r.seal(append(columns, body[:], make([]byte, 32)))
	r.version.Organisation, _ = ident.ParseNIHII("71000436")
	return r
}

// seal makes the proof of a row with these columns.
func (r *register) seal(columns [][]byte) {
	row := auditlog.HashRow(columns...)
	proof := &auditlog.Proof{Columns: columns, RowHashes: []auditlog.Hash{row}}
	proof.Checkpoint = auditlog.SealCheckpoint(nil, 1, 1, auditlog.Hash{}.Next(row), acceptedAt.Add(time.Second),
		auditlog.SigningKey{KeyID: "key-1", PrivateKey: r.key}, nil)
	r.version.AuditRecord.Proof = proof
}

// digestOfBody returns the digest of the Body of the envelope, if there is one: the operator states what fits.
func digestOfBody(message string) [32]byte {
	document, err := xmldoc.Parse([]byte(message), xmldoc.DefaultLimits())
	if err != nil {
		return [32]byte{}
	}
	body := document.Root().Child(soap.Namespace11, "Body")
	if body.IsZero() {
		body = document.Root().Child(soap.Namespace12, "Body")
	}
	return sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, body))
}

func (r register) export(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	err := evidence.Export{Store: r, Now: func() time.Time { return acceptedAt.Add(time.Hour) },
		Issuers: testpki.AuthorityCertificates(t)}.Write(t.Context(), ident.NotificationNumber{}, &file)
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func newVerifier(t *testing.T, r register) evidence.Verifier {
	t.Helper()
	public, _ := r.key.Public().(ed25519.PublicKey)
	return evidence.Verifier{Trust: testpki.NewTrustStore(t), PublicKeys: []ed25519.PublicKey{public}}
}

func verify(t *testing.T, v evidence.Verifier, file []byte) *evidence.Report {
	t.Helper()
	report, err := v.Verify(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sign returns a message with a signature, after edits of what is signed.
func sign(t *testing.T, key *x509id.Key, version soap.Version, edits ...string) string {
	t.Helper()
	generator := &testmessages.Generator{Data: testmessages.DevelopmentData(), Now: func() time.Time { return acceptedAt },
		NewID: func() string { return "ID-1" }}
	request, err := generator.BuildRequest("NotifyImplant", testmessages.RequestValues{})
	if err != nil {
		t.Fatal(err)
	}
	message, err := generator.Sign(version, key, request)
	if err != nil || len(edits) == 0 {
		if err != nil {
			t.Fatal(err)
		}
		return message
	}
	message = edit(t, message, edits...)
	for _, name := range []string{"DigestValue", "SignatureValue"} { // empty them, so that they are filled in anew
		for part, rest := "", message; ; {
			before, after, found := strings.Cut(rest, "<ds:"+name+">")
			if part += before; !found {
				message = part
				break
			}
			_, rest, _ = strings.Cut(after, "</ds:"+name+">")
			part += "<ds:" + name + "></ds:" + name + ">"
		}
	}
	return dsigtest.FillSignatures(t, message, key.Signer)
}

// edit replaces texts: old, new, old, new …
func edit(t *testing.T, text string, edits ...string) string {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the message does not hold %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return text
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	middle, _, _ := strings.Cut(rest, to)
	return from + middle + to
}

// failingSteps runs the steps of the README in the archive and returns those that fail.
func failingSteps(t *testing.T, file []byte) (failed []string) {
	t.Helper()
	for _, tool := range []string{"xmllint", "xmlsec1", "openssl"} {
		interop.FindTool(t, tool, "libxml2-utils xmlsec1 openssl")
	}
	directory := t.TempDir()
	files := unpack(t, file)
	for name, content := range files {
		interop.WriteFile(t, filepath.Join(directory, name), content)
	}
	for line := range strings.Lines(string(files["README.txt"])) {
		command, isStep := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !isStep {
			continue
		}
		run := exec.CommandContext(t.Context(), "/bin/sh", "-c", command)
		run.Dir = directory
		if out, err := run.CombinedOutput(); err != nil {
			failed = append(failed, command)
			t.Logf("%s: %s", command, out)
		}
	}
	return failed
}

const (
	wsu    = `xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"`
	wsse   = `xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"`
	dsig   = `xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`
	header = "<soap:Header>"
)

// What the service accepts verifies, with its own code and with the steps that use foreign tools only.
func TestEvidenceOfGenuineMessages(t *testing.T) {
	t.Parallel()
	hospital, ec := testpki.Key(t, testpki.Hospital), testpki.ECKey(t)
	embedded := "<wsse:SecurityTokenReference><ds:X509Data><ds:X509Certificate>" +
		base64.StdEncoding.EncodeToString(hospital.Certificate.Raw) + "</ds:X509Certificate></ds:X509Data></wsse:SecurityTokenReference>"
	plain := sign(t, hospital, soap.SOAP11)
	for name, test := range map[string]struct {
		message string
		key     *x509id.Key
	}{
		"RSA":     {plain, hospital},
		"EC":      {sign(t, ec, soap.SOAP11), ec},
		"SOAP 12": {sign(t, hospital, soap.SOAP12), hospital},
		"X509Data": {sign(t, hospital, soap.SOAP11, between(plain, "<wsse:SecurityTokenReference>", "</wsse:SecurityTokenReference>"), embedded),
			hospital},
		"unsigned header with an id":     {sign(t, hospital, soap.SOAP11, header, header+`<a:To xmlns:a="urn:a" `+wsu+` wsu:Id="To" a:id="x">y</a:To>`), hospital},
		"Signature of another namespace": {sign(t, hospital, soap.SOAP11, header, header+`<a:Signature xmlns:a="urn:a">y</a:Signature>`), hospital},
		"signed header": {sign(t, hospital, soap.SOAP11, header, header+`<a:To xmlns:a="urn:a" `+wsu+` wsu:Id="To">y</a:To>`,
			`<ds:Reference URI="#X509">`, `<ds:Reference URI="#To">`), hospital},
		"header whose name is a shell command": {sign(t, hospital, soap.SOAP11, header, header+`<a:To xmlns:a="urn:a:';false;'" `+wsu+
			` wsu:Id="To">y</a:To>`), hospital},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegister(test.message, test.key.Certificate)
			file := r.export(t)
			if report := verify(t, newVerifier(t, r), file); len(report.Findings) > 0 || len(report.Remarks) > 0 {
				t.Errorf("%s", report.Text())
			}
			if failed := failingSteps(t, file); len(failed) > 0 {
				t.Errorf("these steps fail: %q", failed)
			}
		})
	}
}

// An operator who keeps a genuine signature and changes what the message says is found, although everything that the
// operator signs fits the forgery: by the service's own code, and by the steps that use foreign tools only.
func TestFindingH4EvidenceWithstandsWrapping(t *testing.T) {
	t.Parallel()
	key := testpki.Key(t, testpki.Hospital)
	genuine := sign(t, key, soap.SOAP11)
	body := between(genuine, "<soap:Body", "</soap:Body>")
	security := between(genuine, "<wsse:Security ", "</wsse:Security>")
	signature := between(genuine, "<ds:Signature ", "</ds:Signature>")
	stamp := between(genuine, "<wsu:Timestamp", "</wsu:Timestamp>")
	forgedBody := edit(t, body, "total knee replacement", "total hip replacement")
	forged := func(edits ...string) string { return edit(t, genuine, edits...) }
	// A signature of the same key over something that says nothing: an empty Timestamp.
	decoy := `<x:H xmlns:x="urn:x" ` + wsse + `>` + dsigtest.FillSignatures(t, `<ds:Signature `+dsig+`><ds:SignedInfo>`+
		`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`+
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/></ds:SignedInfo>`+
		`<ds:SignatureValue></ds:SignatureValue></ds:Signature>`, key.Signer) + `</x:H>`
	public, _ := key.Signer.Public().(*rsa.PublicKey)
	other := testpki.UntrustedKey(t)
	otherPublic, _ := other.Signer.Public().(*rsa.PublicKey)
	keyValue := func(k *rsa.PublicKey) string {
		return "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>" + base64.StdEncoding.EncodeToString(k.N.Bytes()) + "</ds:Modulus><ds:Exponent>" +
			base64.StdEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes()) + "</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
	}
	str := between(genuine, "<wsse:SecurityTokenReference>", "</wsse:SecurityTokenReference>")
	hidden := func(content string) string { return header + `<x:H xmlns:x="urn:x">` + content + `</x:H>` }
	for name, message := range map[string]string{
		"content changed":                         forged("total knee replacement", "total hip replacement"),
		"broken signature before Security":        forged(header, hidden(`<ds:Signature `+dsig+`><ds:SignedInfo/></ds:Signature>`)),
		"good signature of nothing, body changed": forged(header, header+decoy, body, forgedBody),
		"Body moved into a header":                forged(body, edit(t, forgedBody, ` wsu:Id="Body"`, ""), header, hidden(body)),
		"Body moved, the other has an id":         forged(body, edit(t, forgedBody, `wsu:Id="Body"`, `wsu:Id="Body2"`), header, hidden(body)),
		"Body moved, the other has its id twice":  forged(body, edit(t, forgedBody, `wsu:Id="Body"`, `xmlns:x="urn:x" x:Id="Body"`), header, hidden(body)),
		"Body moved, the other has a plain id":    forged(body, edit(t, forgedBody, `wsu:Id="Body"`, `Id="Body"`), header, hidden(body)),
		"Body moved behind the other":             forged(body, edit(t, forgedBody, `wsu:Id="Body"`, `wsu:Id="B"`)+body),
		"Body moved before the other":             forged(body, body+edit(t, forgedBody, `wsu:Id="Body"`, `wsu:Id="B"`)),
		"Body moved into the other":               forged(body, edit(t, forgedBody, `wsu:Id="Body"`, "", "</soap:Body>", body+"</soap:Body>")),
		"the whole envelope in a header": `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>` + genuine +
			`</soap:Header>` + edit(t, forgedBody, `wsu:Id="Body"`, "") + `</soap:Envelope>`,
		"the Security in a header":      forged(security, `<x:H xmlns:x="urn:x">`+security+`</x:H>`),
		"the signature beside Security": forged(signature, "", header, header+edit(t, signature, "<ds:Signature ", "<ds:Signature "+wsse+" ")),
		"Timestamp moved":               forged(stamp, edit(t, stamp, `wsu:Id="TS"`, `wsu:Id="TS2"`), header, hidden(edit(t, stamp, "<wsu:Timestamp", "<wsu:Timestamp "+wsu))),
		"signed by another key, which the message names": edit(t, sign(t, other, soap.SOAP11, str, keyValue(otherPublic), "total knee", "total hip"),
			base64.StdEncoding.EncodeToString(other.Certificate.Raw), base64.StdEncoding.EncodeToString(key.Certificate.Raw)),
		"the key named by its value, content changed": forged(str, keyValue(public), "total knee", "total hip"),
		"a document type makes another attribute an identifier": `<!DOCTYPE soap:Envelope [<!ATTLIST soap:Body x CDATA #IMPLIED><!ATTLIST H x ID #IMPLIED>]>` +
			forged(body, forgedBody, header, header+"<H x=\"Body\">"+body+"</H>"),
		"a document type with an entity": `<!DOCTYPE soap:Envelope [<!ENTITY e "hip">]>` + forged("total knee", "total &e;"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegister(message, key.Certificate)
			file := r.export(t)
			if report := verify(t, newVerifier(t, r), file); len(report.Findings) == 0 {
				t.Errorf("ctr evidence verify accepts it: %s", report.Text())
			}
			if failed := failingSteps(t, file); len(failed) == 0 {
				t.Errorf("no step of the README fails")
			}
		})
	}
}

// Every statement of the file is compared with what proves it.
func TestFindingH4StatementIsCompared(t *testing.T) {
	t.Parallel()
	key := testpki.Key(t, testpki.Hospital)
	message := sign(t, key, soap.SOAP11)
	for name, change := range map[string]func(*register){
		"another signer":       func(r *register) { r.version.Signer = "SSIN=48022907379" },
		"another digest":       func(r *register) { r.version.Digest[0]++ },
		"accepted later":       func(r *register) { r.version.RegisteredAt = acceptedAt.Add(time.Hour) },
		"accepted earlier":     func(r *register) { r.version.RegisteredAt = acceptedAt.Add(-2 * time.Hour) },
		"another organisation": func(r *register) { r.version.Organisation = ident.NIHII{} },
		"another operation":    func(r *register) { r.version.AuditRecord.Operation = "Search" },
		"another reason":       func(r *register) { r.version.AuditRecord.Reason = "emergency" },
		"refused":              func(r *register) { r.version.AuditRecord.Outcome = platform.OutcomeRefused },
		"a row of another Body": func(r *register) {
			r.seal(append(r.version.AuditRecord.Proof.Columns[:14:14], make([]byte, 32), make([]byte, 32)))
		},
		"no audit row":       func(r *register) { r.version.AuditRecord = nil },
		"not sealed":         func(r *register) { r.version.AuditRecord.Proof = nil },
		"another row":        func(r *register) { r.version.AuditRecord.Proof.Columns[2] = []byte("corr-2") },
		"another checkpoint": func(r *register) { r.version.AuditRecord.Proof.Checkpoint.RowCount++ },
		"another version":    func(r *register) { r.version.Version = 2 },
		"no message":         func(r *register) { r.version.Evidence = nil },
		"another certificate": func(r *register) {
			r.version.Evidence.Certificate = testpki.ECKey(t).Certificate.Raw
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegister(message, key.Certificate)
			change(&r)
			if report := verify(t, newVerifier(t, r), r.export(t)); len(report.Findings) == 0 {
				t.Errorf("%s", report.Text())
			}
		})
	}
	r := newRegister(message, key.Certificate)
	file := r.export(t)
	strange := newVerifier(t, r)
	strange.PublicKeys = []ed25519.PublicKey{bytes.Repeat([]byte{1}, ed25519.PublicKeySize)}
	if report := verify(t, strange, file); len(report.Findings) == 0 {
		t.Error("a key of somebody else is accepted")
	}
	untrusted := newVerifier(t, r)
	untrusted.Trust = testpki.TrustAuthority(testpki.NewAuthority(t, acceptedAt.AddDate(-1, 0, 0), acceptedAt.AddDate(1, 0, 0)))
	if report := verify(t, untrusted, file); len(report.Findings) == 0 {
		t.Error("an authority of somebody else is accepted")
	}
	anchored := newVerifier(t, r)
	anchored.Anchor = []byte("{}\n")
	if report := verify(t, anchored, file); len(report.Findings) == 0 {
		t.Error("the anchor file lacks the checkpoint")
	}
	line, err := r.version.AuditRecord.Proof.Checkpoint.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	anchored.Anchor = append(bytes.Clone(line), '\n')
	if report := verify(t, anchored, file); len(report.Findings) > 0 {
		t.Errorf("%s", report.Text())
	}
	open := newVerifier(t, r)
	open.PublicKeys = nil
	if report := verify(t, open, file); len(report.Findings) > 0 || len(report.Remarks) != 1 {
		t.Errorf("%s", report.Text())
	}
}

// A changed, removed or added file is found; no file makes the verifier fail in another way.
func TestEvidenceFilesChanged(t *testing.T) {
	t.Parallel()
	key := testpki.Key(t, testpki.Hospital)
	r := newRegister(sign(t, key, soap.SOAP11), key.Certificate)
	files := unpack(t, r.export(t))
	v := newVerifier(t, r)
	for name := range files {
		if name == "README.txt" || name == "issuers.pem" {
			continue // instructions and a convenience: they prove nothing
		}
		for i := range 20 {
			changed := clone(files)
			changed[name][len(changed[name])*i/20] ^= 1
			if report := verify(t, v, pack(t, changed)); len(report.Findings) == 0 && name != "certificate-1.pem" && name != "service-key.pem" {
				t.Errorf("%s, place %d of 20: not found", name, i)
			}
		}
		removed := clone(files)
		delete(removed, name)
		if report := verify(t, v, pack(t, removed)); len(report.Findings) == 0 {
			t.Errorf("%s removed: not found", name)
		}
	}
	added := clone(files)
	added["message-2.xml"] = []byte("<a/>")
	if report := verify(t, v, pack(t, added)); len(report.Findings) != 1 {
		t.Errorf("%s", report.Text())
	}
	for _, content := range []string{"", "PK", strconv.Itoa(1), string(pack(t, nil))[:10]} {
		if _, err := v.Verify(strings.NewReader(content), int64(len(content))); err == nil {
			t.Errorf("%q is accepted as an archive", content)
		}
	}
}
