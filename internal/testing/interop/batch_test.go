package interop_test

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/storetest"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// restartableService is a service that can be killed and restarted at the same address with the same data.
type restartableService struct {
	*interop.Service
	t         *testing.T
	directory string
	address   string
	db        *sql.DB
}

func startRestartable(t *testing.T) *restartableService {
	t.Helper()
	s := &restartableService{t: t, directory: interop.NewDevelopmentDirectory(t), address: freeAddress(t)}
	s.startAtAddress()
	s.db = interop.OpenEmbedded(t, s.directory)
	return s
}

// freeAddress returns an unused address outside the ephemeral port range, so that no other process gets it while the
// service is down.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(20000+rand.IntN(10000)))
		if err != nil {
			continue
		}
		if err = listener.Close(); err != nil {
			t.Fatal(err)
		}
		return listener.Addr().String()
	}
	t.Fatal("there is no free address")
	return ""
}

func (s *restartableService) startAtAddress() {
	s.t.Helper()
	s.Service = interop.StartServiceWithEnv(s.t, nil, "serve", "--dev", "--data", s.directory, "--listen", s.address)
}

// callerFlags returns the flags of ctr for the surgeon in her hospital.
func (s *restartableService) callerFlags() []string {
	return []string{"--p12", s.P12[testpki.Hospital], "--password-file", s.PasswordFile(), "--url", s.URL, "--ca", s.CA, "--author", interop.SurgeonSSIN}
}

// countRows runs a counting query directly on the database.
func (s *restartableService) countRows(query string) (count int) {
	s.t.Helper()
	if err := s.db.QueryRowContext(s.t.Context(), query).Scan(&count); err != nil {
		s.t.Fatal(err)
	}
	return count
}

// requireNotifications checks in the database and through a search that there are want notifications, with distinct
// numbers.
func (s *restartableService) requireNotifications(want int) {
	s.t.Helper()
	for _, counted := range []string{`SELECT count(*) FROM notification`, `SELECT count(DISTINCT number) FROM notification WHERE number <> ''`,
		`SELECT count(*) FROM implant`, `SELECT count(*) FROM submission`} {
		if got := s.countRows(counted); got != want {
			s.t.Errorf("%s: %d, want %d", counted, got, want)
		}
	}
	var found ctr.SearchResponse
	r := interop.RunProgram(s.t, interop.ProgramPath(s.t, "ctr"), append(s.callerFlags(), "--json", "search", "--patient", interop.PatientSSIN, "--max", "1")...)
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil || found.Total != want {
		s.t.Errorf("a search finds %d, want %d: %v %s", found.Total, want, err, r.Stderr)
	}
}

// ctrProcess is a running ctr.
type ctrProcess struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer // readable after the process has ended
}

func (s *restartableService) startCtr(args ...string) *ctrProcess {
	s.t.Helper()
	p := &ctrProcess{Cmd: interop.NewCommand(s.t, interop.ProgramPath(s.t, "ctr"), nil, append(s.callerFlags(), args...)...)}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// waitForExit waits for the process and returns its exit code.
func (p *ctrProcess) waitForExit() int {
	_ = p.Wait() // the exit code tells how it ended
	return p.ProcessState.ExitCode()
}

func (p *ctrProcess) killAndWait() {
	_ = p.Process.Kill()
	p.waitForExit()
}

// waitUntil waits until a condition holds that the process brings about.
func (p *ctrProcess) waitUntil(t *testing.T, is func() bool) {
	t.Helper()
	interop.Await(t, "what ctr batch brings about", is, func() string {
		p.killAndWait()
		return p.stdout.String() + p.stderr.String()
	})
}

// buildCSV returns a batch file of implantations, each with its own InputReference; bad rows are spread evenly.
func buildCSV(prefix string, good, bad int) string {
	var b strings.Builder
	b.WriteString("input_reference;specialist_ssin;operation_date;patient_ssin;prescriber_nihii;prescription_date;notification_code;udi;quantity;side\r\n")
	wrong := 0
	for i := range good + bad {
		patient := interop.PatientSSIN
		if wrong < bad && i*bad/(good+bad) >= wrong {
			patient = "48022907378"
			wrong++
		}
		fmt.Fprintf(&b, "%s-%d;%s;%s;%s;17800389480;%s;71200176;(01)05410000001047(10)L2201(21)%[1]s-%d;1;left\r\n",
			prefix, i, interop.SurgeonSSIN, interop.FormatDaysAgo(2), patient, interop.FormatDaysAgo(20))
	}
	return b.String()
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// loadSize returns the size of a batch test: small by default, that of a nightly batch with CTR_LOAD=1.
func loadSize(small, large int) int {
	if os.Getenv("CTR_LOAD") != "" {
		return large
	}
	return small
}

// killRepeatedly kills the client or the service five times, each at least once, whenever the register has stored
// some more notifications. It starts with the client that begin returns, and returns the last one.
func (s *restartableService) killRepeatedly(t *testing.T, random *rand.Rand, total int, begin func() *ctrProcess) *ctrProcess {
	t.Helper()
	const times = 5
	client := begin()
	for i := range times {
		until := total * (100*i + 10 + random.IntN(80)) / (100 * (times + 3)) // leaves enough notifications for the last kill to interrupt
		client.waitUntil(t, func() bool { return s.countRows(`SELECT count(*) FROM notification`) > until })
		victim := i
		if i > 1 {
			victim = random.IntN(2)
		}
		if victim == 0 {
			client.killAndWait()
			if client.ProcessState.Exited() {
				t.Errorf("the client had ended before it was killed: %s%s", client.stdout.String(), client.stderr.String())
			}
			client = begin()
		} else {
			s.Kill()
			s.startAtAddress()
		}
	}
	return client
}

// TestBatchKilled: a batch whose client and service are killed five times in total, and which is resumed, stores each
// notification once. Errors in the file are reported with row and column.
func TestBatchKilled(t *testing.T) {
	t.Parallel()
	const bad = 37
	good, parallel := loadSize(300, 10_000), strconv.Itoa(loadSize(1, 8))
	s := startRestartable(t)
	file := filepath.Join(t.TempDir(), "list.csv")
	writeText(t, file, buildCSV("N", good, bad))

	check := s.startCtr("batch", file)
	if code := check.waitForExit(); code != 2 || strings.Count(check.stdout.String(), ", column patient_ssin: SSIN_INVALID: ") != bad {
		t.Errorf("without leave to skip bad rows: exit code %d\n%s%s", code, check.stdout.String(), check.stderr.String())
	}
	s.requireNotifications(0)

	client := s.killRepeatedly(t, rand.New(rand.NewPCG(uint64(good), 7)), good, func() *ctrProcess {
		return s.startCtr("batch", file, "--skip-bad", "--parallel", parallel)
	})
	if code := client.waitForExit(); code != 1 || strings.Count(client.stdout.String(), ", column patient_ssin: SSIN_INVALID: ") != bad ||
		!strings.Contains(client.stdout.String(), "refused 0, not sent 0\n") {
		t.Errorf("the last run: exit code %d\n%s%s", code, client.stdout.String(), client.stderr.String())
	}
	s.requireNotifications(good)
	if numbers := readResults(t, file+".results.csv", good, bad); !slices.Equal(numbers, s.notificationNumbers()) {
		t.Errorf("the results have %d numbers, and not those of the register", len(numbers))
	}
}

// TestBatchStopped: on SIGTERM a batch waits for requests in flight, so that the results agree with the register.
func TestBatchStopped(t *testing.T) {
	t.Parallel()
	const count = 300
	s := startRestartable(t)
	file := filepath.Join(t.TempDir(), "list.csv")
	writeText(t, file, buildCSV("N", count, 0))
	client := s.startCtr("batch", file, "--parallel", "4")
	client.waitUntil(t, func() bool { return s.countRows(`SELECT count(*) FROM notification`) > 0 })
	if err := client.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := client.waitForExit(); code != 3 || !strings.Contains(client.stderr.String(), "stopped; the same command goes on") {
		t.Errorf("stopped with exit code %d\n%s%s", code, client.stdout.String(), client.stderr.String())
	}
	data, err := os.ReadFile(file + ".results.csv")
	if err != nil {
		t.Fatal(err)
	}
	held := s.countRows(`SELECT count(*) FROM notification`)
	if accepted, left := bytes.Count(data, []byte(";accepted;")), bytes.Count(data, []byte(";not sent;")); accepted != held || left != count-held {
		t.Errorf("%d in the register; in the results %d accepted, %d not sent", held, accepted, left)
	}
	client = s.startCtr("batch", file)
	if code := client.waitForExit(); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, client.stdout.String(), client.stderr.String())
	}
	s.requireNotifications(count)
	readResults(t, file+".results.csv", count, 0)
}

// notificationNumbers returns the numbers in the register, sorted.
func (s *restartableService) notificationNumbers() []string {
	s.t.Helper()
	found, err := s.db.QueryContext(s.t.Context(), `SELECT number FROM notification ORDER BY number`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err = found.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	var numbers []string
	for found.Next() {
		var number string
		if err = found.Scan(&number); err != nil {
			s.t.Fatal(err)
		}
		numbers = append(numbers, number)
	}
	if err = found.Err(); err != nil {
		s.t.Fatal(err)
	}
	return numbers
}

// readResults reads a results file, which must have a line for each row, and returns the notification numbers, sorted.
func readResults(t *testing.T, name string, accepted, faulty int) []string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.Comma = ';'
	records, err := reader.ReadAll()
	if err != nil || len(records) != 1+accepted+faulty {
		t.Fatalf("%d lines of results, %v", len(records), err)
	}
	var numbers []string
	for i, record := range records[1:] {
		row, outcome, number, implant, column := record[0], record[2], record[3], record[5], record[6]
		switch {
		case row != strconv.Itoa(i+2):
			t.Errorf("line %d is about row %s", i+2, row)
		case outcome == "accepted" && number != "" && implant != "" && column == "":
			numbers = append(numbers, number)
		case outcome == "faulty" && number == "" && column == "patient_ssin":
			faulty--
		default:
			t.Errorf("result %v", record)
		}
	}
	if len(numbers) != accepted || faulty != 0 {
		t.Errorf("%d accepted, %d too few faulty", len(numbers), faulty)
	}
	slices.Sort(numbers)
	return numbers
}

// TestBatchSpeed requires 500 notifications per second from a batch and its service together on two idle cores.
func TestBatchSpeed(t *testing.T) {
	if os.Getenv("CTR_LOAD") == "" {
		t.Skip("CTR_LOAD=1 runs it, on a machine that does nothing else")
	}
	const count = 10_000
	s := startRestartable(t)
	file := filepath.Join(t.TempDir(), "list.csv")
	writeText(t, file, buildCSV("N", count, 0))
	began := time.Now()
	client := s.startCtr("batch", file)
	if code := client.waitForExit(); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, client.stdout.String(), client.stderr.String())
	}
	took := time.Since(began)
	rate := count / took.Seconds()
	t.Logf("%d notifications in %s: %.0f a second, from the start of ctr to its end", count, took.Round(time.Millisecond), rate)
	if rate < 500 {
		t.Errorf("%.0f a second, and 500 are wanted", rate)
	}
	s.requireNotifications(count)
}

// watchedFolder is a folder that ctr batch --watch watches.
type watchedFolder struct {
	t     *testing.T
	path  string
	state string
}

func newWatchedFolder(t *testing.T) *watchedFolder {
	t.Helper()
	return &watchedFolder{t: t, path: t.TempDir(), state: t.TempDir()}
}

// watchFlags returns the command that watches the folder.
func (w *watchedFolder) watchFlags(more ...string) []string {
	return append([]string{"batch", "--watch", w.path, "--state", w.state}, more...)
}

// journal returns the path of the journal of a file.
func (w *watchedFolder) journal(name string) string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.state, "batch-*", name+".journal"))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("journals of %s: %v, %v", name, found, err)
	}
	return found[0]
}

// deliverFile writes a file under a hidden name and renames it into the inbox, as an integration engine does.
func (w *watchedFolder) deliverFile(name, text string) {
	w.t.Helper()
	hidden := filepath.Join(w.path, "inbox", "."+name)
	writeText(w.t, hidden, text)
	if err := os.Rename(hidden, filepath.Join(w.path, "inbox", name)); err != nil {
		w.t.Fatal(err)
	}
}

// listFolder returns the names in a subfolder, which may not exist yet.
func (w *watchedFolder) listFolder(folder string) []string {
	w.t.Helper()
	entries, err := os.ReadDir(filepath.Join(w.path, folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// waitUntilSent waits until inbox and sending are empty.
func (w *watchedFolder) waitUntilSent(of *ctrProcess) {
	w.t.Helper()
	of.waitUntil(w.t, func() bool { return len(w.listFolder("inbox"))+len(w.listFolder("sending")) == 0 })
}

// TestBatchWatchKilled: while client and service are killed, and the client is stopped, all files in a watched folder
// are sent once and end up in the right subfolder.
func TestBatchWatchKilled(t *testing.T) {
	t.Parallel()
	const files = 4
	each := loadSize(60, 2000)
	s := startRestartable(t)
	w := newWatchedFolder(t)
	begin := func() *ctrProcess { return s.startCtr(w.watchFlags("--settle", "0s", "--parallel", "2")...) }
	first := begin()
	first.waitUntil(t, func() bool { _, err := os.Stat(filepath.Join(w.path, "failed")); return err == nil })
	var want []string
	for i := range files {
		name := fmt.Sprintf("list-%d.csv", i)
		w.deliverFile(name, buildCSV(fmt.Sprintf("W%d", i), each, 0))
		want = append(want, name, name+".results.csv")
	}
	client := s.killRepeatedly(t, rand.New(rand.NewPCG(uint64(each), 11)), files*each, func() *ctrProcess {
		if first != nil {
			p := first
			first = nil
			return p
		}
		return begin()
	})
	w.waitUntilSent(client)
	if done := w.listFolder("done"); !slices.Equal(done, want) || len(w.listFolder("failed")) > 0 {
		t.Errorf("done %v, failed %v", done, w.listFolder("failed"))
	}
	s.requireNotifications(files * each)
	var numbers []string
	for i := range files {
		numbers = append(numbers, readResults(t, filepath.Join(w.path, "done", fmt.Sprintf("list-%d.csv.results.csv", i)), each, 0)...)
	}
	slices.Sort(numbers)
	if !slices.Equal(numbers, s.notificationNumbers()) {
		t.Errorf("the results have %d numbers, and not those of the register", len(numbers))
	}

	// The same file again, a file with a bad row, and a file during which the client is stopped.
	w.deliverFile("list-0.csv", buildCSV("W0", each, 0))
	w.deliverFile("bad.csv", buildCSV("B", 3, 1))
	w.waitUntilSent(client)
	s.requireNotifications(files * each)
	w.deliverFile("last.csv", buildCSV("L", 5*each, 0))
	client.waitUntil(t, func() bool { return s.countRows(`SELECT count(*) FROM notification`) > files*each })
	if err := client.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := client.waitForExit(); code != 0 || !strings.Contains(client.stderr.String(), "msg=stopped") {
		t.Errorf("stopped with exit code %d\n%s", code, client.stderr.String())
	}
	if sending := w.listFolder("sending"); !slices.Equal(sending, []string{"last.csv"}) {
		t.Errorf("what was on its way when it was stopped: %v", sending)
	}
	if held, answered := s.countRows(`SELECT count(*) FROM notification`), countLines(t, w.journal("last.csv"))-1; held != files*each+answered {
		t.Errorf("%d of the last file are in the register, and %d in the journal", held-files*each, answered)
	}
	client = begin()
	w.waitUntilSent(client)
	client.killAndWait()
	s.requireNotifications(files*each + 5*each)
	want = append([]string{"last.csv", "last.csv.results.csv", "list-0-2.csv", "list-0-2.csv.results.csv"}, want...)
	if done := w.listFolder("done"); !slices.Equal(done, want) {
		t.Errorf("done %v", done)
	}
	if failed := w.listFolder("failed"); !slices.Equal(failed, []string{"bad.csv", "bad.csv.results.csv", "bad.csv.why.txt"}) {
		t.Errorf("failed %v", failed)
	}
}

// countLines returns the number of lines in a file.
func countLines(t *testing.T, name string) int {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(data, []byte("\n"))
}

// TestBatchWatchNotAuthenticated: ctr stops watching if the service rejects the caller, and loses no file.
func TestBatchWatchNotAuthenticated(t *testing.T) {
	s := startRestartable(t)
	w := newWatchedFolder(t)
	if err := os.Mkdir(filepath.Join(w.path, "inbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.deliverFile("list.csv", buildCSV("N", 3, 0))
	organisation := s.startCtr(append([]string{"--author", ""}, w.watchFlags("--settle", "0s", "--json")...)...)
	if code := organisation.waitForExit(); code != 1 || !strings.Contains(organisation.stderr.String(), `"msg":"taken","file":"list.csv"`) ||
		!strings.Contains(organisation.stderr.String(), "AUTHOR_REQUIRED") {
		t.Errorf("exit code %d\n%s", code, organisation.stderr.String())
	}
	client := s.startCtr(w.watchFlags()...)
	w.waitUntilSent(client)
	second := s.startCtr(w.watchFlags()...)
	if code := second.waitForExit(); code != 2 || !strings.Contains(second.stderr.String(), "another ctr is at work on it") {
		t.Errorf("two on one folder: exit code %d\n%s", code, second.stderr.String())
	}
	client.killAndWait()
	s.requireNotifications(3)
}

// TestBatchUnit: systemd accepts the unit file if the program exists.
func TestBatchUnit(t *testing.T) {
	analyze := interop.FindTool(t, "systemd-analyze", "systemd")
	unit, err := os.ReadFile("../../../deploy/ctr-batch@.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ctr-batch@.service")
	writeText(t, file, strings.ReplaceAll(string(unit), "/usr/local/bin/ctr", interop.ProgramPath(t, "ctr")))
	instance := filepath.Join(filepath.Dir(file), "ctr-batch@orthopaedics.service")
	if err = os.Symlink(file, instance); err != nil {
		t.Fatal(err)
	}
	r := interop.RunProgram(t, analyze, "verify", "--man=no", "--recursive-errors=no", instance)
	if r.ExitCode != 0 || strings.Contains(r.Stderr, "ctr-batch") {
		t.Errorf("exit code %d: %s%s", r.ExitCode, r.Stdout, r.Stderr)
	}
}

// TestBatchUnitCommand: the command of the unit, with the example settings, sends the files of the folder.
func TestBatchUnitCommand(t *testing.T) {
	s := startRestartable(t)
	w := newWatchedFolder(t)
	credentials := t.TempDir()
	for name, source := range map[string]string{"p12": s.P12[testpki.Hospital], "password": s.PasswordFile()} {
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		writeText(t, filepath.Join(credentials, name), string(data))
	}
	setting := func(file, name string) string {
		data, err := os.ReadFile("../../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if value, found := strings.CutPrefix(line, name+"="); found {
				return strings.TrimSpace(value)
			}
		}
		t.Fatalf("%s does not set %s", file, name)
		return ""
	}
	line := strings.NewReplacer("${CREDENTIALS_DIRECTORY}", credentials, "${CTR_URL}", s.URL, "/srv/ctr-batch/%i", w.path,
		"$CTR_OPTIONS", setting("ctr-batch.env.example", "CTR_OPTIONS")+" --ca "+s.CA).Replace(setting("ctr-batch@.service", "ExecStart"))
	words := strings.Fields(line)
	if words[0] != "/usr/local/bin/ctr" || strings.Contains(line, "$") || !strings.HasSuffix(setting("ctr-batch.env.example", "CTR_URL"), "/ctr/v1") {
		t.Fatalf("it starts %s", line)
	}
	if err := os.Mkdir(filepath.Join(w.path, "inbox"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.deliverFile("list.csv", buildCSV("N", 3, 1))
	client := &ctrProcess{Cmd: interop.NewCommand(t, interop.ProgramPath(t, "ctr"), nil, words[1:]...)}
	client.Stdout, client.Stderr = &client.stdout, &client.stderr
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	client.waitUntil(t, func() bool { return len(w.listFolder("inbox"))+len(w.listFolder("sending")) == 0 })
	client.killAndWait()
	s.requireNotifications(3)
	readResults(t, filepath.Join(w.path, "failed", "list.csv.results.csv"), 3, 1) // the example settings skip bad rows
}

// TestFieldBatchOverFailover: while the address of the database leads to a standby, a batch tries again. It writes no row
// off, and goes on as soon as the address leads to a primary.
func TestFieldBatchOverFailover(t *testing.T) {
	t.Parallel()
	const count = 40
	servers := storetest.StartFailover(t)
	s := &restartableService{t: t, directory: interop.NewDevelopmentDirectory(t)}
	s.Service = interop.StartService(t, s.directory, "--database", servers.URL)
	file := filepath.Join(t.TempDir(), "list.csv")
	writeText(t, file, buildCSV("F", count, 0))
	servers.LeadToStandby(t)
	servers.CloseConnections()
	client := s.startCtr("batch", file, "--parallel", "4")
	client.waitUntil(t, func() bool { return strings.Count(s.Stderr(), `"code":"STORE_UNAVAILABLE"`) > 4 })
	servers.LeadToPrimary(t)
	if code := client.waitForExit(); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, client.stdout.String(), client.stderr.String())
	}
	if numbers := slices.Compact(readResults(t, file+".results.csv", count, 0)); len(numbers) != count {
		t.Errorf("%d different numbers", len(numbers))
	}
	if log := s.Stderr(); strings.Contains(log, `"code":"INTERNAL"`) {
		t.Errorf("a standby is no bug: %s", log)
	}
}
