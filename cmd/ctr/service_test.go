package main

import (
	"bytes"
	"encoding/pem"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// testService is a server with TLS on loopback, with a folder for the client's files.
type testService struct {
	t      *testing.T
	server *httptest.Server
	dir    string
}

// startService starts a register with the development data behind a proxy, whose certificate all test servers have.
func startService(t *testing.T) *testService {
	t.Helper()
	started, err := service.Start(t.Context(), service.Config{
		Now: time.Now, DataDirectory: interop.NewDevelopmentDirectory(t), Development: true, StrictTokens: true, PlainHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closing := started.Close(); closing != nil {
			t.Error(closing)
		}
	})
	address, err := url.Parse(started.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = ""
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(address)
		r.Out.Host = r.In.Host
	}}
	s := &testService{t: t, dir: t.TempDir(), server: httptest.NewTLSServer(proxy)}
	t.Cleanup(s.server.Close)
	s.writeFile("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw}))
	return s
}

// writeFile writes a file into the client's folder.
func (s *testService) writeFile(name string, data []byte) string {
	s.t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// clientFlags returns the flags of a client with the named key.
func (s *testService) clientFlags(key string) []string {
	s.t.Helper()
	data, password := testpki.P12File(s.t, key)
	file := strings.Map(func(r rune) rune {
		if r == ' ' || r == '=' || r == '(' || r == ')' {
			return '_'
		}
		return r
	}, key)
	return []string{"--p12", s.writeFile(file+".p12", data), "--password-file", s.writeFile("password.txt", []byte(password+"\n")),
		"--url", s.server.URL + ctr.Path, "--ca", filepath.Join(s.dir, "ca.pem")}
}

// surgeonFlags returns the flags of Dr Claes in her hospital.
func (s *testService) surgeonFlags() []string {
	return append(s.clientFlags(testpki.Hospital), "--author", "78031412250")
}

// replaceFlag replaces the value of a flag.
func replaceFlag(flags []string, name, value string) []string {
	flags = slices.Clone(flags)
	flags[slices.Index(flags, name)+1] = value
	return flags
}

// result is the result of a command.
type result struct {
	code   int
	stdout string
	stderr string
}

func runCtr(t *testing.T, flags []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), slices.Concat(flags, args), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// expect checks an exit code, and text on standard output or, after a failure, on standard error. The other output
// must be empty.
func (r result) expect(t *testing.T, code int, words ...string) result {
	t.Helper()
	output, silent := r.stdout, r.stderr
	if code != exitOK {
		output, silent = silent, output
	}
	if r.code != code || silent != "" {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(output, w) {
			t.Errorf("%q is not said:\n%s", w, output)
		}
	}
	return r
}

// dateDaysAgo returns the date in Brussels, some days ago.
func dateDaysAgo(t *testing.T, ago int) string {
	t.Helper()
	return time.Now().In(ident.BelgianTime()).AddDate(0, 0, -ago).Format(time.DateOnly)
}

const namespaceDeclarations = ` xmlns:p="urn:be:fgov:ehealth:ctr:protocol:v1" xmlns:c="urn:be:fgov:ehealth:ctr:core:v1" IssueInstant="2000-01-01T00:00:00Z"`

// implantationXML is a notification of Claes for Leroy. The last implant is recalled.
func implantationXML(operation, prescription, reference string) string {
	return `<p:NotifyImplantRequest` + namespaceDeclarations + `><p:InputReference>` + reference + `</p:InputReference><p:Implantation>
  <c:Specialist><c:SSIN>78031412250</c:SSIN></c:Specialist><c:OperationDate>` + operation + `</c:OperationDate>
  <c:Patient>48022907379</c:Patient><c:Prescriber><c:NIHII>17800389480</c:NIHII></c:Prescriber>
  <c:PrescriptionDate>` + prescription + `</c:PrescriptionDate>
  <c:Implant><c:NotificationCode>000071200176</c:NotificationCode><c:UDI>(01)05410000001047(17)491231(10)L2201(21)S-000917</c:UDI>
    <c:Quantity>2</c:Quantity><c:Location>left knee</c:Location><c:Side>Left</c:Side></c:Implant>
  <c:Implant><c:NotificationCode>000071211064</c:NotificationCode><c:Quantity>1</c:Quantity></c:Implant>
</p:Implantation></p:NotifyImplantRequest>`
}

func explantationXML(operation, implant, quantity string) string {
	return `<p:NotifyExplantRequest` + namespaceDeclarations + `><p:Explantation>
  <c:Specialist><c:SSIN>78031412250</c:SSIN></c:Specialist><c:OperationDate>` + operation + `</c:OperationDate>
  <c:Patient>48022907379</c:Patient>
  <c:Explant><c:ImplantId>` + implant + `</c:ImplantId><c:Quantity>` + quantity + `</c:Quantity><c:Reason>worn</c:Reason></c:Explant>
</p:Explantation></p:NotifyExplantRequest>`
}
