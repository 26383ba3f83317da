package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/wire/ctr"
)

// batchFile returns a file of rows with some replacements, by row number. Row 2 is the first below the header.
func batchFile(t *testing.T, rows int, change map[int][2]string) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString("input_reference;specialist_ssin;operation_date;patient_ssin;prescriber_nihii;prescription_date;notification_code;udi;quantity;side\r\n")
	day := dateDaysAgo(t, 1)
	for i := range rows {
		row := fmt.Sprintf("EPD-%d;78031412250;%s;48022907379;17800389480;%s;71200176;(01)05410000001047(10)L2201(21)S-%d;1;left\r\n", i, day, day, i)
		if c, found := change[i+2]; found {
			row = strings.Replace(row, c[0], c[1], 1)
		}
		b.WriteString(row)
	}
	return []byte(b.String())
}

// surgeonFlagsThrough returns the surgeon's flags for another server in front of the same register.
func (s *testService) surgeonFlagsThrough(door func(register http.Handler, w http.ResponseWriter, r *http.Request)) []string {
	s.t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { door(s.server.Config.Handler, w, r) }))
	s.t.Cleanup(server.Close)
	return replaceFlag(s.surgeonFlags(), "--url", server.URL+"/ctr/v1") // all test servers have the same certificate
}

// countNotifications returns the number of notifications of the patient in the register.
func countNotifications(t *testing.T, flags []string) (total int) {
	t.Helper()
	var found ctr.SearchResponse
	r := runCtr(t, append(slices.Clone(flags), "--json"), "search", "--patient", "48022907379", "--max", "1").expect(t, exitOK)
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
		t.Fatal(err)
	}
	return found.Total
}

// expectResult checks an exit code, and text on either output.
func expectResult(t *testing.T, r result, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			t.Errorf("%q is not said:\n%s%s", w, r.stdout, r.stderr)
		}
	}
}

// readText returns the content of a file as text.
func readText(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// TestBatch sends a batch of 300 rows with errors: checked, sent without the errors, corrected, and completed.
func TestBatch(t *testing.T) {
	t.Parallel()
	s := startService(t)
	surgeon := s.surgeonFlags()
	bad := map[int][2]string{
		5: {"48022907379", "48022907378"}, 17: {dateDaysAgo(t, 1), "31/11/2026"}, 40: {";1;left", ";0;left"}, 41: {";left", ";links"}, 99: {"71200176", "71200177"},
		150: {"17800389480", "27200184000"}, 151: {"17800389480", "27200184000"}, // a pharmacist, which only the register knows
	}
	file := s.writeFile("list.csv", batchFile(t, 300, bad))
	results := file + ".results.csv"

	faults := []string{"list.csv: UTF-8, separated by ;; 300 row(s), 295 notification(s) without error", "row 5, column patient_ssin: SSIN_INVALID: This SSIN",
		"row 17, column operation_date: this is not a date", "row 40, column quantity: QUANTITY_OUT_OF_RANGE: ",
		"row 41, column side: this is not Left, Right", "row 99, column notification_code: IMPLANT_CODE_INVALID: "}
	expectResult(t, runCtr(t, nil, "batch", file, "--dry-run"), exitUsage, append(faults, "5 error(s), 295 to send; nothing was sent")...)
	expectResult(t, runCtr(t, surgeon, "batch", file), exitUsage, append(faults, "5 error(s); nothing was sent")...)
	if data := readText(t, results); strings.Count(data, "\n") != 301 || strings.Count(data, ";not sent;") != 295 || strings.Count(data, ";faulty;") != 5 ||
		!strings.Contains(data, "\n17;EPD-15;faulty;;;;operation_date;;this is not a date") {
		t.Errorf("results of what was not sent: %.600s", data)
	}
	expectResult(t, runCtr(t, surgeon, "batch", file, "--skip-bad"), exitRefused, append(faults, "295 of 295 (100 %), 2 refused", "accepted 293, refused 2, not sent 0", "the result of each row is in "+results)...)
	if data := readText(t, results); strings.Count(data, "\n") != 301 || strings.Count(data, ";accepted;") != 293 ||
		!strings.Contains(data, "\n150;EPD-148;refused;;;;;PRESCRIBER_NOT_QUALIFIED;Prescriber: The prescriber") ||
		!strings.Contains(data, "\n5;EPD-3;faulty;;;;patient_ssin;SSIN_INVALID;") || strings.Contains(data, "4802290737") {
		t.Errorf("results %.600s", data)
	}
	if n := countNotifications(t, surgeon); n != 293 {
		t.Errorf("%d notifications", n)
	}

	s.writeFile("list.csv", batchFile(t, 300, nil))
	expectResult(t, runCtr(t, surgeon, "batch", file), exitRefused, "earlier: 293 accepted, 2 refused", "accepted 5, refused 0, not sent 0")
	r := runCtr(t, append(slices.Clone(surgeon), "--json"), "batch", file, "--again")
	var report batchReport
	if failed := json.Unmarshal([]byte(r.stdout), &report); failed != nil || r.code != exitOK || report.Accepted != 2 || report.EarlierAccepted != 298 {
		t.Errorf("%d %+v %v", r.code, report, failed)
	}
	expectResult(t, runCtr(t, surgeon, "batch", file), exitOK, "earlier: 300 accepted, 0 refused", "accepted 0, refused 0, not sent 0")
	if n := countNotifications(t, surgeon); n != 300 {
		t.Errorf("%d notifications", n)
	}
	// An accepted final notification does not become a draft.
	expectResult(t, runCtr(t, surgeon, "batch", file, "--save", "Draft"), exitUsage, "row 2, column input_reference: it was accepted before with another content")
}

// TestBatchDrafts checks that drafts get references, and that rows with one reference form one draft, each with its
// implant.
func TestBatchDrafts(t *testing.T) {
	t.Parallel()
	s := startService(t)
	file := s.writeFile("list.csv", batchFile(t, 3, map[int][2]string{4: {"EPD-2", "EPD-0"}}))
	out := filepath.Join(s.dir, "out.csv")
	expectResult(t, runCtr(t, s.surgeonFlags(), "batch", file, "--save", "Draft", "--results", out), exitOK, "3 row(s), 2 notification(s)", "accepted 2", "is in "+out)
	rows := strings.Split(readText(t, out), "\n")
	first, third := strings.Split(rows[1], ";"), strings.Split(rows[3], ";")
	if first[1] != "EPD-0" || third[1] != "EPD-0" || first[3] != "" || first[4] == "" || first[4] != third[4] || first[5] == "" || third[5] == "" || first[5] == third[5] {
		t.Errorf("results %v", rows)
	}
	runCtr(t, s.surgeonFlags(), "pending").expect(t, exitOK, "2 line(s), Draft", "1 line(s), Draft")
}

// TestBatchRefusedRow checks that a refusal of one implant is reported in its row.
func TestBatchRefusedRow(t *testing.T) {
	t.Parallel()
	s := startService(t)
	file := s.writeFile("list.csv", batchFile(t, 4, map[int][2]string{3: {"EPD-1", "EPD-0"}, 4: {"EPD-2;", "EPD-0;"}, 5: {"71200176", "712004051"}}))
	second := strings.Replace(readText(t, file), "71200176;(01)05410000001047(10)L2201(21)S-1;", "712004051;;", 1)
	s.writeFile("list.csv", []byte(second))
	expectResult(t, runCtr(t, s.surgeonFlags(), "batch", file), exitRefused, "accepted 0, refused 2")
	rows := strings.Split(readText(t, file+".results.csv"), "\n")
	for i, want := range []string{"2;EPD-0;refused;;;;;;refused because of another row", "3;EPD-0;refused;;;;;IMPLANT_CODE_UNKNOWN;Implant[2]/NotificationCode: ",
		"4;EPD-0;refused;;;;;;refused because of another row", "5;EPD-3;refused;;;;;IMPLANT_CODE_UNKNOWN;Implant[1]/NotificationCode: "} {
		if !strings.HasPrefix(rows[i+1], want) {
			t.Errorf("row %s\nwant %s", rows[i+1], want)
		}
	}
}

// TestBatchAlone checks that two batches of one file cannot run at the same time, and that a results file that cannot
// be written is reported.
func TestBatchAlone(t *testing.T) {
	t.Parallel()
	s := startService(t)
	file := s.writeFile("list.csv", batchFile(t, 2, nil))
	var inside result
	surgeon := s.surgeonFlagsThrough(func(register http.Handler, w http.ResponseWriter, r *http.Request) {
		if inside.stderr == "" {
			inside = runCtr(t, s.surgeonFlags(), "batch", file)
		}
		register.ServeHTTP(w, r)
	})
	expectResult(t, runCtr(t, surgeon, "batch", file, "--parallel", "1"), exitOK, "accepted 2")
	expectResult(t, inside, exitUsage, "list.csv.journal: another ctr is at work on it; wait until that has ended")
	expectResult(t, runCtr(t, surgeon, "batch", file, "--results", filepath.Join(s.dir, "nowhere", "out.csv")), exitUsage, "accepted 0, refused 0, not sent 0",
		"the results (the same command writes them again): ")
}

// TestBatchEndsEarly checks the exit code for each reason to end early, and that nothing is lost.
func TestBatchEndsEarly(t *testing.T) {
	t.Parallel()
	s := startService(t)
	file := s.writeFile("list.csv", batchFile(t, 5, nil))
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	address := gone.URL
	gone.Close()
	surgeon := s.surgeonFlags()
	expectResult(t, runCtr(t, replaceFlag(surgeon, "--url", address+"/ctr/v1"), "batch", file, "--patience", "0s"), exitUnreachable, "could not reach", "not sent 5")
	expectResult(t, runCtr(t, s.clientFlags("NIHII-HOSPITAL=71000436"), "batch", file), exitRefused, "AUTHOR_REQUIRED", "accepted 0, refused 0, not sent 5")
	expectResult(t, runCtr(t, append(s.clientFlags("untrusted"), "--author", "78031412250"), "batch", file), exitUnauthenticated, "not authenticated", "not sent 5")
	expectResult(t, runCtr(t, nil, "batch", file), exitUsage, "missing flags: --p12=FILE")
	expectResult(t, runCtr(t, surgeon, "batch", file, "--parallel", "65"), exitUsage, "--parallel: 1 to 64")
	expectResult(t, runCtr(t, surgeon, "batch", file, "--patience=-1s"), exitUsage, "--patience and --settle: 0s or longer")
	expectResult(t, runCtr(t, surgeon, "batch", file, "--results", filepath.Join(s.dir, ".", "list.csv")), exitUsage, "--results: that would overwrite the file itself")
	expectResult(t, runCtr(t, surgeon, "batch"), exitUsage, "give a FILE, or --watch=DIR")
	expectResult(t, runCtr(t, surgeon, "batch", file, "--watch", s.dir), exitUsage, "give a FILE or --watch=DIR, not both")
	expectResult(t, runCtr(t, surgeon, "batch", "--watch", s.dir, "--again"), exitUsage, "--watch: omit --dry-run, --again and --results")
	expectResult(t, runCtr(t, nil, "batch", "--watch", s.dir), exitUsage, "missing flags: --p12=FILE")
	expectResult(t, runCtr(t, nil, "batch", "--help"), exitOK, "--watch=DIR", "Exit codes: 0 everything is accepted;")
	expectResult(t, runCtr(t, surgeon, "batch", s.writeFile("empty.csv", nil)), exitUsage, "it holds no row to send")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, append(slices.Clone(surgeon), "batch", file), &stdout, &stderr)
	expectResult(t, result{code, stdout.String(), stderr.String()}, exitUnreachable, "stopped; the same command goes on", "not sent 5")
	if data := readText(t, file+".results.csv"); strings.Count(data, ";not sent;") != 5 {
		t.Errorf("results at a stop: %s", data)
	}
	expectResult(t, runCtr(t, surgeon, "batch", file), exitOK, "accepted 5, refused 0, not sent 0")
}

// TestBatchOverload checks that requests are repeated with the same reference if the service asks to retry later or
// gives an invalid answer.
func TestBatchOverload(t *testing.T) {
	t.Parallel()
	s := startService(t)
	var calls atomic.Int32
	surgeon := s.surgeonFlagsThrough(func(register http.Handler, w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) % 4 {
		case 1:
			http.Error(w, "bad gateway", http.StatusBadGateway)
		case 2: // stored, but the answer is lost
			register.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, "bad gateway", http.StatusBadGateway)
		default:
			register.ServeHTTP(w, r)
		}
	})
	file := s.writeFile("list.csv", batchFile(t, 4, nil))
	expectResult(t, runCtr(t, surgeon, "batch", file, "--parallel", "2"), exitOK, "accepted 4, refused 0, not sent 0")
	if n := countNotifications(t, s.surgeonFlags()); n != 4 {
		t.Errorf("%d notifications", n)
	}
}

// TestBatchInterrupted checks that each notification is registered once, however often a batch is stopped and its
// journal truncated.
func TestBatchInterrupted(t *testing.T) {
	t.Parallel()
	runInterrupted(t, 300, 40, 0)
}

// runInterrupted sends rows in runs that are stopped at random, until a run completes.
func runInterrupted(t *testing.T, rows, most, bad int) {
	t.Helper()
	s := startService(t)
	change := map[int][2]string{}
	for i := range bad {
		change[3+i*rows/bad] = [2]string{"48022907379", "48022907378"}
	}
	file := s.writeFile("list.csv", batchFile(t, rows, change))
	var onRequest atomic.Pointer[func()]
	surgeon := s.surgeonFlagsThrough(func(register http.Handler, w http.ResponseWriter, r *http.Request) {
		(*onRequest.Load())()
		register.ServeHTTP(w, r)
	})
	random := rand.New(rand.NewPCG(1, 2))
	began, stops := time.Now(), 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		left := atomic.Int32{}
		left.Store(int32(random.IntN(most) + most/4))
		stop := func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		}
		onRequest.Store(&stop)
		var stdout, stderr bytes.Buffer
		code := run(ctx, append(slices.Clone(surgeon), "batch", file, "--skip-bad"), &stdout, &stderr)
		cancel()
		if code != exitUnreachable {
			want := exitOK
			if bad > 0 {
				want = exitRefused
			}
			expectResult(t, result{code, stdout.String(), stderr.String()}, want, "refused 0, not sent 0")
			if n := strings.Count(stdout.String(), "SSIN_INVALID"); n != bad {
				t.Errorf("%d bad rows told", n)
			}
			break
		}
		stops++
		data := []byte(readText(t, file+".journal"))
		s.writeFile("list.csv.journal", data[:max(0, len(data)-random.IntN(400))])
	}
	took := time.Since(began)
	if results := readText(t, file+".results.csv"); strings.Count(results, ";accepted;") != rows-bad || strings.Count(results, ";faulty;") != bad {
		t.Errorf("results %.600s", results)
	}
	if n := countNotifications(t, s.surgeonFlags()); n != rows-bad || stops == 0 {
		t.Errorf("%d notifications after %d stops, want %d", n, stops, rows-bad)
	}
	t.Logf("%d notifications in %s with %d stops: %.0f a second", rows-bad, took.Round(time.Millisecond), stops, float64(rows-bad)/took.Seconds())
}
