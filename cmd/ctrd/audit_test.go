package main_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/testing/interop"
)

// runAdmin runs an operator's command on the data directory of a service.
func runAdmin(t *testing.T, directory string, args ...string) interop.Result {
	t.Helper()
	return interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), append(append([]string{"admin"}, args...), "--data", directory)...)
}

// A service seals while it runs, also after it was killed and restarted; the anchor file records the newest checkpoint
// outside the database.
func TestAuditTrailOfAService(t *testing.T) {
	t.Parallel()
	directory := interop.NewDevelopmentDirectory(t)
	anchor := filepath.Join(directory, auditlog.AnchorFileName)
	service := interop.StartService(t, directory)
	c := service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, c, interop.NewImplantation("AUDIT-1", interop.PatientSSIN, "S-1"))
	interop.Await(t, "a checkpoint in the anchor file", func() bool {
		data, err := os.ReadFile(anchor)
		return err == nil && bytes.Contains(data, []byte("\n"))
	}, service.Stderr)
	service.Kill()

	service = interop.StartService(t, directory)
	c = service.NewClient(t, interop.HospitalKey(t))
	interop.MustNotify(t, c, interop.NewImplantation("AUDIT-2", interop.PatientSSIN, "S-2"))
	if code := service.Stop(t); code != 0 {
		t.Fatalf("the service ended with %d: %s", code, service.Stderr())
	}
	if !strings.Contains(service.Stderr(), `"msg":"audit checkpoint"`) {
		t.Errorf("no checkpoint in the log: %s", service.Stderr())
	}
	verified := runAdmin(t, directory, "audit", "verify")
	if verified.ExitCode != 0 || !strings.Contains(verified.Stdout, "nothing was changed") || strings.Contains(verified.Stdout, "not sealed yet") {
		t.Fatalf("%d: %s%s", verified.ExitCode, verified.Stdout, verified.Stderr)
	}

	exported := runAdmin(t, directory, "audit", "export", "--patient", interop.PatientSSIN, "--by", "anna")
	rows, err := csv.NewReader(replaceSemicolons(exported.Stdout)).ReadAll()
	if err != nil || exported.ExitCode != 0 || len(rows) != 4 || strings.Contains(exported.Stdout, interop.PatientSSIN) {
		t.Fatalf("%v: %s%s", err, exported.Stdout, exported.Stderr)
	}
	column := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
	if column(rows[1], "operation") != "NotifyImplant" || !strings.HasPrefix(column(rows[1], "person"), "#") ||
		column(rows[3], "operation") != "AdminAudit" || column(rows[3], "signer") != "operator="+accountName(t)+" (stated: anna)" {
		t.Errorf("%q", rows)
	}
	revealed := runAdmin(t, directory, "audit", "export", "--patient", interop.PatientSSIN, "--reveal", "asked by the patient", "--by", "anna", "--format", "json")
	if revealed.ExitCode != 0 || !strings.Contains(revealed.Stdout, `"patient":"`+interop.PatientSSIN) ||
		!strings.Contains(revealed.Stdout, `"operation":"AdminReveal"`) || !strings.Contains(revealed.Stdout, `"stated_reason":"asked by the patient"`) {
		t.Errorf("%s%s", revealed.Stdout, revealed.Stderr)
	}
	if invalid := runAdmin(t, directory, "audit", "export", "--patient", "78031412251"); invalid.ExitCode != 1 || strings.Contains(invalid.Stderr, "78031412251") {
		t.Errorf("%d: %s", invalid.ExitCode, invalid.Stderr)
	}
	if none := runAdmin(t, directory, "audit", "emergencies"); none.ExitCode != 0 || strings.Count(none.Stdout, "\n") != 1 {
		t.Errorf("%s%s", none.Stdout, none.Stderr)
	}
	own := runAdmin(t, directory, "audit", "own-operation")
	if own.ExitCode != 0 || !strings.HasSuffix(own.Stdout, ";correlation;minutes_since_registration;later;patients_that_day\n") {
		t.Errorf("%s%s", own.Stdout, own.Stderr)
	}
	key := runAdmin(t, directory, "audit", "key")
	former := strings.Fields(key.Stdout)
	if key.ExitCode != 0 || !strings.Contains(key.Stdout, "BEGIN PUBLIC KEY") {
		t.Fatalf("%s%s", key.Stdout, key.Stderr)
	}
	pinned := filepath.Join(t.TempDir(), "key.pem")
	interop.WriteFile(t, pinned, []byte(key.Stdout))
	for _, change := range [][]string{{"add"}, {"rotate"}, {"retire", former[1]}} {
		if changed := runAdmin(t, directory, append([]string{"keys"}, change...)...); changed.ExitCode != 0 {
			t.Fatalf("%q: %s", change, changed.Stderr)
		}
	}
	for _, trusted := range [][]string{nil, {"--public-key", pinned}} {
		verified = runAdmin(t, directory, append([]string{"audit", "verify"}, trusted...)...)
		if verified.ExitCode != 0 || strings.Contains(verified.Stdout, "the key "+former[1]) {
			t.Errorf("after a rotation, with %q: %s%s", trusted, verified.Stdout, verified.Stderr)
		}
	}

	whole := mustReadFile(t, anchor)
	interop.WriteFile(t, anchor, bytes.Replace(whole, []byte(`"rows":`), []byte(`"rows":1`), 1))
	changed := runAdmin(t, directory, "audit", "verify")
	if changed.ExitCode != 1 || !strings.Contains(changed.Stdout, "ANCHOR DIFFERS: checkpoint 1 of ") || !strings.Contains(changed.Stderr, "does not verify") {
		t.Errorf("%d: %s%s", changed.ExitCode, changed.Stdout, changed.Stderr)
	}
	if err := os.Remove(anchor); err != nil {
		t.Fatal(err)
	}
	if without := runAdmin(t, directory, "audit", "verify"); without.ExitCode != 1 || !strings.Contains(without.Stdout, "ANCHOR MISSING") {
		t.Errorf("%d: %s%s", without.ExitCode, without.Stdout, without.Stderr)
	}
}

func replaceSemicolons(text string) io.Reader {
	return strings.NewReader(strings.ReplaceAll(text, ";", ","))
}

// The steps in the evidence file verify it with standard tools only.
func TestEvidenceVerifiesWithForeignTools(t *testing.T) {
	t.Parallel()
	interop.FindXmlsec(t)
	interop.FindTool(t, "openssl", "openssl")
	directory := interop.NewDevelopmentDirectory(t)
	service := interop.StartService(t, directory)
	number := interop.MustNotify(t, service.NewClient(t, interop.HospitalKey(t)), interop.NewImplantation("EVIDENCE-1", interop.PatientSSIN, "S-1")).Receipt.NotificationNumber
	archive := filepath.Join(t.TempDir(), "evidence.zip")
	written := runAdmin(t, directory, "evidence", number, "-o", archive, "--trust", service.CA, "--by", "anna", "--reason", "a court asked")
	if written.ExitCode != 0 {
		t.Fatal(written.Stderr)
	}
	files := readZip(t, archive)
	for _, name := range []string{"message-1.xml", "certificate-1.pem", "issuers.pem", "statement.json", "statement.sig", "service-key.pem", "README.txt"} {
		if len(files[name]) == 0 {
			t.Fatalf("no %s", name)
		}
	}
	if failed := runInstructions(t, files); len(failed) != 0 {
		t.Fatalf("these steps fail: %q", failed)
	}
	verify := func(file string, args ...string) interop.Result {
		return interop.RunProgram(t, interop.ProgramPath(t, "ctr"), append([]string{"evidence", "verify", file, "--trust", service.CA}, args...)...)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	interop.WriteFile(t, key, []byte(runAdmin(t, directory, "audit", "key").Stdout))
	anchor := filepath.Join(directory, auditlog.AnchorFileName)
	if verified := verify(archive, "--public-key", key, "--checkpoints", anchor); verified.ExitCode != 0 ||
		!strings.Contains(verified.Stdout, "genuine") || strings.Contains(verified.Stdout, "REMARK") {
		t.Errorf("%d: %s%s", verified.ExitCode, verified.Stdout, verified.Stderr)
	}
	if verified := verify(archive); verified.ExitCode != 0 || !strings.Contains(verified.Stdout, "REMARK: the key of the service") {
		t.Errorf("%d: %s%s", verified.ExitCode, verified.Stdout, verified.Stderr)
	}
	if verified := verify(key); verified.ExitCode != 2 {
		t.Errorf("%d: %s%s", verified.ExitCode, verified.Stdout, verified.Stderr)
	}
	statement := string(files["statement.json"])
	for _, want := range []string{`"number": "` + number, `"state": "Final"`, `"signer": "NIHII-HOSPITAL=71000436"`, `"outcome": "accepted"`, `"head_before":`, `"operation": "NotifyImplant"`} {
		if !strings.Contains(statement, want) {
			t.Errorf("the statement does not say %s:\n%s", want, statement)
		}
	}
	for _, test := range []struct{ file, old, now, step string }{
		{"message-1.xml", "<?xml", "<?xmL", "xmlsec1"},
		{"message-1.xml", "</", "\n</", "openssl dgst"},
		{"message-1.xml", "S-1", "S-2", "xmlsec1"},
		{"statement.json", "accepted", "acceptee", "openssl pkeyutl"},
		{"certificate-1.pem", "\nM", "\nN", "openssl x509"},
	} {
		changed := make(map[string][]byte)
		for name, content := range files {
			changed[name] = content
		}
		changed[test.file] = bytes.Replace(files[test.file], []byte(test.old), []byte(test.now), 1)
		if bytes.Equal(changed[test.file], files[test.file]) {
			continue // the file does not contain the text
		}
		failed := runInstructions(t, changed)
		if !slices.ContainsFunc(failed, func(step string) bool { return strings.Contains(step, test.step) }) {
			t.Errorf("%s, %q changed to %q: only these steps fail: %q", test.file, test.old, test.now, failed)
		}
	}
	if unknown := runAdmin(t, directory, "evidence", "26112100099900"); unknown.ExitCode != 1 {
		t.Errorf("%d: %s", unknown.ExitCode, unknown.Stderr)
	}
	if code := service.Stop(t); code != 0 {
		t.Errorf("the service ended with %d", code)
	}
	if verified := runAdmin(t, directory, "audit", "verify"); verified.ExitCode != 0 {
		t.Errorf("%s%s", verified.Stdout, verified.Stderr)
	}
}

func readZip(t *testing.T, name string) map[string][]byte {
	t.Helper()
	archive, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	files := make(map[string][]byte)
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// runInstructions runs the commands in the file's README and returns those that fail.
func runInstructions(t *testing.T, files map[string][]byte) (failed []string) {
	t.Helper()
	directory := t.TempDir()
	for name, content := range files {
		interop.WriteFile(t, filepath.Join(directory, name), content)
	}
	steps := 0
	for line := range strings.Lines(string(files["README.txt"])) {
		command, isStep := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !isStep {
			continue
		}
		steps++
		run := exec.CommandContext(t.Context(), "/bin/sh", "-c", command)
		run.Dir = directory
		if out, err := run.CombinedOutput(); err != nil {
			failed = append(failed, command)
			t.Logf("%s: %s", command, out)
		}
	}
	if steps < 8 {
		t.Errorf("only %d steps", steps)
	}
	return failed
}

// accountName returns the name of the account that runs the tests.
func accountName(t *testing.T) string {
	t.Helper()
	account, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return account.Username
}
