package interop_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
	"github.com/openctr/ctr/wsdl"
)

// toolkit is the contents of a toolkit.json, which describes the clients in its folder.
type toolkit struct {
	Page     string          // path of the documentation page, relative to the project's root
	Packages []string        // Debian packages that it needs
	Build    []string        // shell lines, run in the folder in this order; it contains contract/ by then
	Clients  []toolkitClient // the clients on the page
	Generate *generator      // code generator, if any
	folder   string
}

// generator generates code from the contract.
type generator struct {
	Name     string
	Run      string   // a shell line; $1 is the WSDL file, relative to the folder, $2 the output folder
	Harmless []string // permitted output: regular expressions that match whole lines
}

// toolkitClient is one client of a toolkit, and the variants in which it can run.
type toolkitClient struct {
	Name   string
	Run    string // a shell line, to which the flags are appended
	SOAP   []string
	Keys   []string // RSA, EC
	MTOM   []bool
	Limits []string // sentences that describe what it cannot do
}

// variant is a combination of settings with which a client runs.
type variant struct {
	client, soap, key string
	mtom              bool
}

func (v variant) String() string {
	return fmt.Sprintf("%s, SOAP %s, %s, MTOM %t", v.client, v.soap, v.key, v.mtom)
}

// clientReport is the JSON that a client prints about its run.
type clientReport struct {
	Toolkit, SOAP, Key, Number, Device, Card, Explanted string
	MTOM                                                bool
	Found                                               int
	Refused                                             struct {
		Code, Message string
		Violations    []struct{ Code, Path string }
	}
}

// readToolkits reads every toolkit.json.
func readToolkits(t *testing.T) []toolkit {
	t.Helper()
	files, err := filepath.Glob("*/toolkit.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []toolkit
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kit := toolkit{folder: filepath.Dir(file)}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&kit); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, kit)
	}
	if len(all) == 0 {
		t.Fatal("there is no toolkit.json")
	}
	return all
}

// TestToolkits builds every foreign client, runs it in each variant on both databases, and writes or checks
// docs/interop.md. It takes minutes. CTR_INTEROP lists the folders to run, separated by commas, or is "all".
func TestToolkits(t *testing.T) {
	selected := os.Getenv("CTR_INTEROP")
	if selected == "" {
		t.Skip("CTR_INTEROP is not set; make interop sets it")
	}
	kits := readToolkits(t)
	if selected != "all" {
		names := strings.Split(selected, ",")
		kits = slices.DeleteFunc(kits, func(k toolkit) bool { return !slices.Contains(names, k.folder) })
	}
	seen := &matrix{rows: map[variant]*matrixRow{}}
	typed := startPageService(t)
	services := map[string]*interop.Service{}
	for name, open := range openDatabases() {
		services[name] = open(t).StartService(t)
	}
	t.Run("each", func(t *testing.T) {
		for _, kit := range kits {
			t.Run(kit.folder, func(t *testing.T) {
				t.Parallel()
				kit.buildClients(t)
				kit.generateCode(t)
				for _, c := range kit.Clients {
					for _, v := range c.listVariants() {
						for database, service := range services {
							// Without commas: the name becomes part of the temporary directory, and xmlsec1 treats
							// commas as separators.
							t.Run(strings.ReplaceAll(v.String()+" "+database, ",", ""), func(t *testing.T) {
								seen.addRun(v, database, kit.runClient(t, c, v, service))
							})
						}
					}
				}
				t.Run("as a newcomer types it", func(t *testing.T) { kit.typePage(t, typed) })
			})
		}
	})
	if selected == "all" && !t.Failed() {
		seen.writeDocument(t, kits)
	}
}

func (c toolkitClient) listVariants() []variant {
	var all []variant
	for _, soap := range c.SOAP {
		for _, key := range c.Keys {
			for _, mtom := range c.MTOM {
				all = append(all, variant{c.Name, soap, key, mtom})
			}
		}
	}
	return all
}

// buildClients unpacks the contract into the folder, as curl and unzip would, and runs the build lines of the page.
func (k toolkit) buildClients(t *testing.T) {
	t.Helper()
	k.unpackContract(t)
	for _, line := range k.Build {
		start := time.Now()
		if output, err := typeLines(t, k.folder, line); err != nil {
			t.Fatalf("%s: %v\n%s\nDebian packages needed: %s", line, err, output, strings.Join(k.Packages, " "))
		}
		t.Logf("%s (%.0f s)", line, time.Since(start).Seconds())
	}
}

// contractForms are the file names of the contract's forms in the archive.
var contractForms = []string{"ctr-v1.wsdl", "ctr-v1-soap12.wsdl", "ctr-v1-policy.wsdl", "ctr-v1-flat.wsdl"}

// generateCode generates code from every form of the contract. Any output that is not known to be harmless fails the
// test.
func (k toolkit) generateCode(t *testing.T) {
	t.Helper()
	if k.Generate == nil {
		return
	}
	harmless := regexp.MustCompile(`^(` + strings.Join(append(k.Generate.Harmless, `\s*`), "|") + `)$`)
	for _, form := range contractForms {
		t.Run(k.Generate.Name+", "+form, func(t *testing.T) {
			output, err := typeLines(t, k.folder, k.Generate.Run, "contract/"+form, t.TempDir())
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			for line := range strings.Lines(output) {
				if !harmless.MatchString(strings.TrimRight(line, "\r\n")) {
					t.Errorf("it says: %s", line)
				}
			}
		})
	}
}

// mavenLock serialises Maven: its local repository is shared and does not support concurrent writers.
var mavenLock sync.Mutex

// typeLines runs shell lines in a folder with the user's environment, and returns their combined output.
func typeLines(t *testing.T, folder, lines string, args ...string) (output string, err error) {
	t.Helper()
	if strings.Contains(lines, "mvn ") {
		mavenLock.Lock()
		defer mavenLock.Unlock()
	}
	command := exec.CommandContext(t.Context(), "bash", append([]string{"-euo", "pipefail", "-c", lines, "shell"}, args...)...)
	command.Dir = folder
	data, err := command.CombinedOutput()
	return string(data), err
}

func (k toolkit) unpackContract(t *testing.T) {
	t.Helper()
	data, err := ctr.Contract().Render(wsdl.Zip, "https://127.0.0.1:8443/ctr/v1", "")
	if err != nil {
		t.Fatal(err)
	}
	// Leave unchanged files untouched, so that incremental builds still work.
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(k.folder, "contract")
	fresh := t.TempDir()
	if err := errors.Join(os.CopyFS(fresh, files), os.MkdirAll(folder, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, file := range files.File {
		text, err := os.ReadFile(filepath.Join(fresh, file.Name))
		if err != nil {
			t.Fatal(err)
		}
		if existing, err := os.ReadFile(filepath.Join(folder, file.Name)); err != nil || !bytes.Equal(existing, text) {
			interop.WriteFile(t, filepath.Join(folder, file.Name), text)
		}
	}
}

// runClient runs a client against a service behind a recorder, checks its report, and returns the observation.
func (k toolkit) runClient(t *testing.T, c toolkitClient, v variant, service *interop.Service) observation {
	t.Helper()
	key := map[string]string{"RSA": testpki.Hospital, "EC": authority.EntryEC}[v.key]
	own := service.NewClient(t, interop.HospitalKey(t))
	var same []byte // the card as our own client gets it at the same time: later notifications change it
	recorder := interop.StartRecorder(t, service, func(e interop.Exchange) {
		if number := cardRequestPattern.FindSubmatch(e.Request); number != nil {
			same = fetchCard(t, own, string(number[1]))
		}
	})
	card := filepath.Join(t.TempDir(), "card.pdf")
	line := c.Run + ` "$@"`
	switches := []string{"--url", recorder.URL, "--ca", service.CA, "--p12", service.P12[key], "--password-file", service.PasswordFile(), "--card", card, "--soap", v.soap}
	if v.mtom {
		switches = append(switches, "--mtom")
	}
	command := interop.NewCommand(t, "bash", nil, append([]string{"-euo", "pipefail", "-c", line, "client"}, switches...)...)
	folder, err := filepath.Abs(k.folder)
	if err != nil {
		t.Fatal(err)
	}
	command.Dir = folder
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := waitWithin(t, command, time.Minute); err != nil {
		t.Fatalf("%v\n%s\n%s", err, stderr.String(), recorder)
	}
	var report clientReport
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	report.compareWithRegister(t, v, own)
	if data, err := os.ReadFile(card); err != nil || len(data) == 0 || !bytes.Equal(data, same) {
		t.Errorf("the card of %d octets is not the register's of %d: %v", len(data), len(same), err)
	}
	o := checkExchanges(t, v, recorder.Exchanges())
	o.version = report.Toolkit
	return o
}

func waitWithin(t *testing.T, command *exec.Cmd, limit time.Duration) error {
	t.Helper()
	if err := command.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- command.Wait() }()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), command.Process.Kill())
	}
}

var numberPattern = regexp.MustCompile(`^[0-9]{15}$`)

// compareWithRegister compares the report with the data that our own client reads from the register.
func (s *clientReport) compareWithRegister(t *testing.T, v variant, own *client.Client) {
	t.Helper()
	if s.SOAP != v.soap || s.Key != v.key || s.MTOM != v.mtom {
		t.Errorf("it says that it ran with SOAP %s, %s, MTOM %t", s.SOAP, s.Key, s.MTOM)
	}
	if !numberPattern.MatchString(s.Number) || !numberPattern.MatchString(s.Explanted) || s.Number == s.Explanted {
		t.Fatalf("numbers %q and %q", s.Number, s.Explanted)
	}
	if s.Device != "Total Knee System, femoral component, left, size 5" || s.Found != 1 {
		t.Errorf("device %q, found %d", s.Device, s.Found)
	}
	for number, kind := range map[string]string{s.Number: "Implantation", s.Explanted: "Explantation"} {
		if found := interop.MustSearch(t, own, interop.CriteriaByNumber(number)); found.Total != 1 || found.Notification[0].OperationType != kind {
			t.Errorf("notification %s: %+v, want one %s", number, found.Notification, kind)
		}
	}
	codes := make([]string, 0, len(s.Refused.Violations))
	for _, violation := range s.Refused.Violations {
		codes = append(codes, violation.Code+" "+violation.Path)
	}
	slices.SortFunc(codes, cmp.Compare)
	want := []string{
		"LOT_CONTRADICTS_UDI /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:Implant[1]/ctr:LotNumber",
		"PRESCRIPTION_AFTER_OPERATION /ctrp:NotifyImplantRequest/ctrp:Implantation/ctr:PrescriptionDate",
	}
	if s.Refused.Code != "RULES_VIOLATED" || s.Refused.Message == "" || !slices.Equal(codes, want) {
		t.Errorf("refused with %s, %q, %q", s.Refused.Code, s.Refused.Message, codes)
	}
}

// cardRequestPattern matches the notification number in a GetImplantCardRequest.
var cardRequestPattern = regexp.MustCompile(`GetImplantCardRequest[^!]*NotificationNumber[^>]*>\s*([0-9]+)`)

func fetchCard(t *testing.T, own *client.Client, number string) []byte {
	t.Helper()
	request := &ctr.GetImplantCardRequest{Header: interop.NewHeader(), Of: ctr.CardOf{NotificationNumber: number}}
	answer, err := client.Call[ctr.GetImplantCardRequest, ctr.GetImplantCardResponse](t.Context(), own, "GetImplantCard", request)
	if err != nil {
		t.Error(err) // not Fatal: this runs outside the test's goroutine
		return nil
	}
	return answer.Card.Content
}

// matrix contains the observations of all clients.
type matrix struct {
	mu   sync.Mutex
	rows map[variant]*matrixRow
}

// matrixRow is the observation of one variant. If a database gives a different result, the test fails.
type matrixRow struct {
	observation
	databases []string
}

func (m *matrix) addRun(v variant, database string, o observation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[v]; r != nil {
		r.databases = append(r.databases, database)
		return
	}
	m.rows[v] = &matrixRow{o, []string{database}}
}
