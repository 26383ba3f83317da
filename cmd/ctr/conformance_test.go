package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	certstestdata "github.com/openctr/ctr/certs-testdata"
	"github.com/openctr/ctr/internal/devkit/conformance"
	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// writeCaptures writes a folder of client messages, one file per operation.
func writeCaptures(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	maker := testmessages.Generator{Data: testmessages.DevelopmentData(), Now: time.Now, NewID: newID}
	for _, operation := range testmessages.Operations() {
		request, err := maker.BuildRequest(operation, testmessages.RequestValues{})
		if err != nil {
			t.Fatal(err)
		}
		message, err := maker.Sign(soap.SOAP11, testpki.ECKey(t), request)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(directory, "day", operation+".xml"), message)
	}
	writeFile(t, filepath.Join(directory, ".hidden"), "no message")
	writeFile(t, filepath.Join(directory, ".git", "HEAD"), "no message")
	return directory
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestConformanceOfMessages(t *testing.T) {
	t.Parallel()
	directory := writeCaptures(t)
	trust := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, trust, string(testpki.CAFile(t)))
	r := runCtr(t, nil, "conformance", directory, "--trust", trust)
	r.expectOutput(t, exitOK, "Client, by 6 of its messages", "pass       C09  ", "not shown  C23  ", "     1  operation NotifyImplant", "Conforms in all that was shown: 20 requirements are met, 3 not shown.")

	var report conformance.Report
	if err := json.Unmarshal([]byte(runCtr(t, []string{"--json"}, "conformance", directory).stdout), &report); err != nil || report.Passed != 20 || len(report.Findings) != 23 {
		t.Errorf("%v %+v", err, report)
	}

	one := filepath.Join(directory, "day", "Search.xml")
	content, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, one, strings.Replace(string(content), "48022907379", "48022907378", 1))
	runCtr(t, nil, "conformance", directory).expectOutput(t, exitRefused, "fail       C08  ", filepath.ToSlash(one)+": DIGEST_MISMATCH at ds:Reference[1]",
		filepath.ToSlash(one)+": that of Patient is none", "Does not conform: 2 requirements are not met")
}

// TestConformanceOfOurOwn checks that the messages of this program conform, with any type of key.
func TestConformanceOfOurOwn(t *testing.T) {
	t.Parallel()
	for _, key := range []string{testpki.Hospital, "SSIN=78031412250"} {
		message, s := captureMessage(t, key, implantationXML("2026-01-02", "2026-01-01", "EPD-1"))
		runCtr(t, nil, "conformance", s.writeFile("sent.txt", []byte("Content-Type: text/xml\r\n\r\n"+message)), "--trust", filepath.Join(s.dir, "trust.pem")).expectOutput(t,
			exitOK, "pass       C01  ", "pass       C11  ", "Conforms in all that was shown")
	}
}

func TestConformanceUsage(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "give the files or folders"},
		{[]string{empty}, "there are no messages"},
		{[]string{filepath.Join(empty, "missing")}, "the messages: "},
		{[]string{"--url", "https://127.0.0.1:1/ctr/v1"}, "--against-a-test-service"},
		{[]string{"--url", "https://127.0.0.1:1/ctr/v1", empty}, "omit --url"},
		{[]string{"--url", "https://127.0.0.1:1/ctr/v1", "--against-a-test-service"}, "missing flags: --p12"},
		{[]string{empty, "--trust", os.DevNull}, "there are no messages"},
	} {
		r := runCtr(t, nil, append([]string{"conformance"}, c.args...)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%v: exit %d, %s", c.args, r.code, r.stderr)
		}
	}
	bad := filepath.Join(empty, "bad.pem")
	writeFile(t, bad, "no certificate")
	writeFile(t, filepath.Join(empty, "message.xml"), "<a/>")
	if r := runCtr(t, nil, "conformance", filepath.Join(empty, "message.xml"), "--trust", bad); r.code != exitUsage || !strings.Contains(r.stderr, "--trust: ") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
}

func TestConformanceOfAServer(t *testing.T) {
	t.Parallel()
	s := startService(t)
	certs := filepath.Join(t.TempDir(), "certs")
	if err := os.CopyFS(certs, certstestdata.Files); err != nil {
		t.Fatal(err)
	}
	r := runCtr(t, s.surgeonFlags(), "conformance", "--against-a-test-service", "--test-pki", certs)
	r.expectOutput(t, exitOK, "Server "+s.server.URL, "pass       S10  ", "pass       S64  ", "Conforms: 49 requirements are met.")
	runCtr(t, s.surgeonFlags(), "conformance", "--against-a-test-service", "--patient", "05041801691", "--code", "000071200177").expectOutput(t, exitRefused,
		"fail       S10  ", "IMPLANT_CODE", "not shown  S42  ", "the key for it is not at hand", "Does not conform: ")
	if gone := runCtr(t, replaceFlag(s.surgeonFlags(), "--url", "https://127.0.0.1:1/ctr/v1"), "conformance", "--against-a-test-service"); gone.code != exitUnreachable {
		t.Errorf("nobody there: exit %d, %s", gone.code, gone.stderr)
	}
	if r := runCtr(t, s.surgeonFlags(), "conformance", "--against-a-test-service", "--test-pki", t.TempDir()); r.code != exitUsage || !strings.Contains(r.stderr, "--test-pki: ") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
}
