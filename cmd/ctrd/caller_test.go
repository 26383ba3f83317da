package main_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// The tasks of a hospital, with the client program ctr against a running service.
func TestCaller(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	program := interop.ProgramPath(t, "ctr")
	binary := func(entry, url string, command ...string) interop.Result {
		t.Helper()
		return interop.RunProgram(t, program, append([]string{"--p12", service.P12[entry], "--password-file", service.PasswordFile(), "--url", url,
			"--ca", service.CA, "--author", interop.SurgeonSSIN}, command...)...)
	}
	as := func(want int, entry string, command ...string) string {
		t.Helper()
		result := binary(entry, service.URL, command...)
		if result.ExitCode != want {
			t.Fatalf("ctr %s: exit %d\n%s%s", strings.Join(command, " "), result.ExitCode, result.Stdout, result.Stderr)
		}
		return result.Stdout + result.Stderr
	}
	answer := func(into any, command ...string) {
		t.Helper()
		if err := json.Unmarshal([]byte(as(0, testpki.Hospital, append([]string{"--json"}, command...)...)), into); err != nil {
			t.Fatal(err)
		}
	}
	request := func(name string, changes ...string) string {
		path := filepath.Join(directory, name)
		content := strings.NewReplacer(append(changes, "OPERATION", interop.FormatDaysAgo(1), "PRESCRIPTION", interop.FormatDaysAgo(19))...).Replace(string(mustReadFile(t, filepath.Join("testdata", name))))
		interop.WriteFile(t, path, []byte(content))
		return path
	}

	var receipt ctr.NotifyResponse
	answer(&receipt, "notify", request("notify.xml"))
	number := receipt.Receipt.NotificationNumber
	if len(number) != 15 || receipt.Receipt.State != "Final" || len(receipt.Warning) != 0 || len(receipt.Implant) != 1 {
		t.Fatalf("receipt %+v", receipt)
	}
	placed := receipt.Implant[0]
	if placed.Device == nil || placed.Device.Name != "Total Knee System, femoral component, left, size 5" ||
		placed.LotNumber != "L2201" || placed.SerialNumber != "S-000917" || placed.ExpiryDate != "2029-12-31" {
		t.Errorf("implant %+v", placed)
	}
	var found ctr.SearchResponse
	for _, by := range [][]string{{"--patient", interop.PatientSSIN}, {"--number", number}, {"--code", "000071200176"}, {"--udi", "(01)05410000001047"}} {
		if answer(&found, append([]string{"search"}, by...)...); found.Total != 1 || found.Notification[0].NotificationNumber != number {
			t.Errorf("search %v: %+v", by, found)
		}
	}
	for _, of := range [][]string{{"--number", number}, {"--patient", interop.PatientSSIN}} {
		file := filepath.Join(directory, "card.pdf")
		as(0, testpki.Hospital, append([]string{"card", "-o", file}, of...)...)
		if !bytes.HasPrefix(mustReadFile(t, file), []byte("%PDF-")) {
			t.Errorf("card %v: not a PDF", of)
		}
		checkPrivate(t, file)
	}
	var carried ctr.ListPatientImplantsResponse
	if answer(&carried, "implants", "--patient", interop.PatientSSIN); carried.Total != 1 || carried.Implant[0].ImplantID != placed.ImplantID {
		t.Errorf("implants %+v", carried)
	}
	answer(&receipt, "explant", request("explant.xml", "IMPLANT", placed.ImplantID))
	if receipt.Implant[0].Remaining != 0 {
		t.Errorf("%d remain", receipt.Implant[0].Remaining)
	}
	if answer(&carried, "implants", "--patient", interop.PatientSSIN); carried.Total != 0 {
		t.Errorf("implants %+v", carried)
	}

	// Scripts rely on the exit codes.
	conflict := request("notify.xml", "left knee", "right knee")
	if output := as(1, testpki.Hospital, "notify", conflict); !strings.Contains(output, "INPUT_REFERENCE_CONFLICT") {
		t.Error(output)
	}
	if output := as(2, testpki.Hospital, "notify", filepath.Join(directory, "missing.xml")); !strings.Contains(output, "missing.xml") {
		t.Error(output)
	}
	if result := binary(testpki.Hospital, "https://127.0.0.1:1/ctr/v1", "search", "--number", number); result.ExitCode != 3 {
		t.Errorf("nobody there: exit %d", result.ExitCode)
	}
	for _, entry := range []string{authority.EntryExpired, authority.EntryRevoked, authority.EntryUntrusted, authority.EntrySelfSigned} {
		if output := as(4, entry, "search", "--number", number); !strings.Contains(output, "CERT_") {
			t.Error(output)
		}
	}
}
