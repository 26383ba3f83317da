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

	"github.com/openctr/ctr/internal/client"
	"github.com/openctr/ctr/internal/interop"
	"github.com/openctr/ctr/internal/message/pki"
	"github.com/openctr/ctr/internal/testpki"
	"github.com/openctr/ctr/internal/wire"
	"github.com/openctr/ctr/wsdl"
)

// toolkit is what a folder's toolkit.json says of the clients in it.
type toolkit struct {
	Page     string        // that shows how to use it, from the project's root
	Packages []string      // of Debian, that it needs
	Build    []string      // shell lines, run in the folder in this order; contract/ lies there by then
	Clients  []foreignKind // the ways that it shows
	Generate *generator    // its generator of code, if it has one
	folder   string
}

// generator is what makes code of the contract.
type generator struct {
	Name     string
	Run      string   // a shell line, in which $1 is the WSDL's file, below the folder, and $2 a folder for what is made
	Harmless []string // what it may say: regular expressions of whole lines
}

// foreignKind is one way of a toolkit, and the variants in which it can be run.
type foreignKind struct {
	Name   string
	Run    string // a shell line, to which the switches are appended
	SOAP   []string
	Keys   []string // RSA, EC
	MTOM   []bool
	Limits []string // what it cannot do, in sentences
}

// variant is one way in which a client is run.
type variant struct {
	client, soap, key string
	mtom              bool
}

func (v variant) String() string {
	return fmt.Sprintf("%s, SOAP %s, %s, MTOM %t", v.client, v.soap, v.key, v.mtom)
}

// told is what a client says of its run.
type told struct {
	Toolkit, SOAP, Key, Number, Device, Card, Explanted string
	MTOM                                                bool
	Found                                               int
	Refused                                             struct {
		Code, Message string
		Violations    []struct{ Code, Path string }
	}
}

// toolkits reads every toolkit.json.
func toolkits(t *testing.T) []toolkit {
	t.Helper()
	files, err := filepath.Glob("*/toolkit.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []toolkit
	for _, file := range files {
		octets, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kit := toolkit{folder: filepath.Dir(file)}
		decoder := json.NewDecoder(bytes.NewReader(octets))
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

// TestToolkits builds every foreign client and runs it in each of its variants, on both databases, and makes
// docs/interop.md of what was seen. It takes minutes: CTR_INTEROP names the folders to run, or is "all".
func TestToolkits(t *testing.T) {
	asked := os.Getenv("CTR_INTEROP")
	if asked == "" {
		t.Skip("CTR_INTEROP is not set; make interop sets it")
	}
	kits := toolkits(t)
	if asked != "all" {
		names := strings.Split(asked, ",")
		kits = slices.DeleteFunc(kits, func(k toolkit) bool { return !slices.Contains(names, k.folder) })
	}
	seen := &matrix{rows: map[variant]*row{}}
	typed := pageService(t)
	services := map[string]*interop.Service{}
	for name, open := range places() {
		services[name] = open(t).Start(t)
	}
	t.Run("each", func(t *testing.T) {
		for _, kit := range kits {
			t.Run(kit.folder, func(t *testing.T) {
				t.Parallel()
				kit.build(t)
				kit.generate(t)
				for _, c := range kit.Clients {
					for _, v := range c.variants() {
						for database, service := range services {
							// Without commas, for the name is that of the folder for temporary files, and xmlsec1 takes them for separators.
							t.Run(strings.ReplaceAll(v.String()+" "+database, ",", ""), func(t *testing.T) {
								seen.add(v, database, kit.run(t, c, v, service))
							})
						}
					}
				}
				t.Run("as a newcomer types it", func(t *testing.T) { kit.typePage(t, typed) })
			})
		}
	})
	if asked == "all" && !t.Failed() {
		seen.document(t, kits)
	}
}

func (c foreignKind) variants() []variant {
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

// build puts the contract beside the client, as curl and unzip would, and builds it with the lines of its page.
func (k toolkit) build(t *testing.T) {
	t.Helper()
	k.unpackContract(t)
	for _, line := range k.Build {
		start := time.Now()
		if said, err := typeLines(t, k.folder, line); err != nil {
			t.Fatalf("%s: %v\n%s\nDebian packages needed: %s", line, err, said, strings.Join(k.Packages, " "))
		}
		t.Logf("%s (%.0f s)", line, time.Since(start).Seconds())
	}
}

// forms are the contract's forms as the archive names them.
var forms = []string{"ctr-v1.wsdl", "ctr-v1-soap12.wsdl", "ctr-v1-policy.wsdl", "ctr-v1-flat.wsdl"}

// generate has code made of every form of the contract. Whatever the generator says, and is not known to be harmless, is a failure.
func (k toolkit) generate(t *testing.T) {
	t.Helper()
	if k.Generate == nil {
		return
	}
	harmless := regexp.MustCompile(`^(` + strings.Join(append(k.Generate.Harmless, `\s*`), "|") + `)$`)
	for _, form := range forms {
		t.Run(k.Generate.Name+", "+form, func(t *testing.T) {
			said, err := typeLines(t, k.folder, k.Generate.Run, "contract/"+form, t.TempDir())
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			for line := range strings.Lines(said) {
				if !harmless.MatchString(strings.TrimRight(line, "\r\n")) {
					t.Errorf("it says: %s", line)
				}
			}
		})
	}
}

// maven is for one at a time: its store of libraries is shared, and not made for two that write.
var maven sync.Mutex

// typeLines types lines in a folder, with the user's settings of package managers, and returns all that is said.
func typeLines(t *testing.T, folder, lines string, args ...string) (said string, err error) {
	t.Helper()
	if strings.Contains(lines, "mvn ") {
		maven.Lock()
		defer maven.Unlock()
	}
	command := exec.CommandContext(t.Context(), "bash", append([]string{"-euo", "pipefail", "-c", lines, "shell"}, args...)...)
	command.Dir = folder
	octets, err := command.CombinedOutput()
	return string(octets), err
}

func (k toolkit) unpackContract(t *testing.T) {
	t.Helper()
	octets, err := wsdl.Render(wsdl.Zip, "https://127.0.0.1:8443/ctr/v1")
	if err != nil {
		t.Fatal(err)
	}
	// What is the same stays untouched, so that a build need not begin anew.
	files, err := zip.NewReader(bytes.NewReader(octets), int64(len(octets)))
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
		if kept, err := os.ReadFile(filepath.Join(folder, file.Name)); err != nil || !bytes.Equal(kept, text) {
			interop.WriteFile(t, filepath.Join(folder, file.Name), text)
		}
	}
}

// run runs a client against a service, behind a recorder, and returns what it said and what it sent.
func (k toolkit) run(t *testing.T, c foreignKind, v variant, service *interop.Service) observed {
	t.Helper()
	key := map[string]string{"RSA": testpki.Hospital, "EC": pki.EntryEC}[v.key]
	own := service.Client(t, interop.Hospital(t))
	var same []byte // the card as our own client gets it at that moment: what happens later changes it
	recorder := interop.Record(t, service, func(e interop.Exchange) {
		if number := cardAsked.FindSubmatch(e.Sent); number != nil {
			same = cardOf(t, own, string(number[1]))
		}
	})
	card := filepath.Join(t.TempDir(), "card.pdf")
	line := c.Run + ` "$@"`
	switches := []string{"--url", recorder.URL, "--ca", service.CA, "--p12", service.P12[key], "--password-file", service.Password(), "--card", card, "--soap", v.soap}
	if v.mtom {
		switches = append(switches, "--mtom")
	}
	command := interop.Command(t, "bash", nil, append([]string{"-euo", "pipefail", "-c", line, "client"}, switches...)...)
	folder, err := filepath.Abs(k.folder)
	if err != nil {
		t.Fatal(err)
	}
	command.Dir = folder
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := endsWithin(t, command, time.Minute); err != nil {
		t.Fatalf("%v\n%s\n%s", err, stderr.String(), recorder)
	}
	var says told
	if err := json.Unmarshal(stdout.Bytes(), &says); err != nil {
		t.Fatalf("%v: %s", err, stdout.String())
	}
	says.judge(t, v, own)
	if octets, err := os.ReadFile(card); err != nil || len(octets) == 0 || !bytes.Equal(octets, same) {
		t.Errorf("the card of %d octets is not the register's of %d: %v", len(octets), len(same), err)
	}
	o := observe(t, v, recorder.Exchanges())
	o.version = says.Toolkit
	return o
}

func endsWithin(t *testing.T, command *exec.Cmd, limit time.Duration) error {
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

var fifteenDigits = regexp.MustCompile(`^[0-9]{15}$`)

// judge compares what a client says with what our own client sees in the register.
func (s *told) judge(t *testing.T, v variant, own *client.Client) {
	t.Helper()
	if s.SOAP != v.soap || s.Key != v.key || s.MTOM != v.mtom {
		t.Errorf("it says that it ran with SOAP %s, %s, MTOM %t", s.SOAP, s.Key, s.MTOM)
	}
	if !fifteenDigits.MatchString(s.Number) || !fifteenDigits.MatchString(s.Explanted) || s.Number == s.Explanted {
		t.Fatalf("numbers %q and %q", s.Number, s.Explanted)
	}
	if s.Device != "Total Knee System, femoral component, left, size 5" || s.Found != 1 {
		t.Errorf("device %q, found %d", s.Device, s.Found)
	}
	for number, kind := range map[string]string{s.Number: "Implantation", s.Explanted: "Explantation"} {
		if found := interop.Search(t, own, interop.ByNumber(number)); found.Total != 1 || found.Notification[0].OperationType != kind {
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

// cardAsked finds the number of the notification whose card a message asks for.
var cardAsked = regexp.MustCompile(`GetImplantCardRequest[^!]*NotificationNumber[^>]*>\s*([0-9]+)`)

func cardOf(t *testing.T, own *client.Client, number string) []byte {
	t.Helper()
	request := &wire.GetImplantCardRequest{Header: interop.Header(), Of: wire.CardOf{NotificationNumber: number}}
	answer, err := client.Call[wire.GetImplantCardRequest, wire.GetImplantCardResponse](t.Context(), own, "GetImplantCard", request)
	if err != nil {
		t.Error(err) // not Fatal: it is not the test's goroutine that asks
		return nil
	}
	return answer.Card.Content
}

// matrix is what was seen of all clients.
type matrix struct {
	mu   sync.Mutex
	rows map[variant]*row
}

// row is what was seen of one variant: the same on every database, or the test has failed.
type row struct {
	observed
	databases []string
}

func (m *matrix) add(v variant, database string, o observed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[v]; r != nil {
		r.databases = append(r.databases, database)
		return
	}
	m.rows[v] = &row{o, []string{database}}
}
