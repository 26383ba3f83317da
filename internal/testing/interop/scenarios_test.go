package interop_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/auditlog"
	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// People and organisations of the development data.
const (
	claesSSIN   = interop.SurgeonSSIN
	duboisSSIN  = "69092234126"
	peetersSSIN = "85073003328"
	lambertSSIN = "81050511813"
	woutersSSIN = "91021706490"
	jacobsSSIN  = "66061141504"
	leroySSIN   = interop.PatientSSIN
	vanDamSSIN  = "84061205236"
	nguyenSSIN  = "05041801691"
	kayaSSIN    = "12451200933"
	smitSSIN    = "55230002134"
	mistyped    = "48022907370" // belongs to no person: wrong check digits

	hospital = testpki.Hospital
	clinic   = "NIHII-HOSPITAL=71012413"
)

func asPerson(ssin string) identity { return identity{key: "SSIN=" + ssin} }

func asOrganisation(organisation, ssin string) identity { return identity{organisation, ssin} }

// Free texts of the scenarios, which must appear in no log, file or database in plain.
const (
	comment    = "remark about a knee that nobody else may read"
	location   = "behind the unusual kneecap"
	loosened   = "loosened by dancing the tango all night"
	mistake    = "entered for somebody else by mistake"
	accident   = "unconscious after an accident at the fair"
	revelation = "the patient asked who looked at these data"
	// wordyReference is an InputReference as some callers write it.
	wordyReference = "EPD " + leroySSIN + " Jeanne Leroy"
)

// scenarioRun is a run of the scenarios with one client and one service on its own database.
type scenarioRun struct {
	t              *testing.T // of the current scenario
	database       interop.TestDatabase
	newCaller      func(*testing.T, *interop.Service) operationCaller
	service        *interop.Service
	caller         operationCaller
	used           map[string]bool   // operations called
	leftovers      map[string][]byte // files, logs and metrics of the services, by description
	operatorOutput strings.Builder   // output of the operator's commands, except where it reveals data on purpose
}

// TestScenarios calls every operation as several callers, with ctr and with zeep, on both databases. Meanwhile it
// rotates the encryption keys for personal data. Finally it searches everything that the service left behind for
// private texts.
func TestScenarios(t *testing.T) {
	t.Parallel()
	soap := map[string]string{"SQLite": "1.1", "PostgreSQL": "1.2"} // each version is used once
	for name, open := range openDatabases() {
		for client, connect := range map[string]func(*testing.T, *interop.Service) operationCaller{
			"ctr": newCtrCaller,
			"zeep": func(t *testing.T, s *interop.Service) operationCaller {
				t.Helper()
				return newZeepCaller(t, s, soap[name])
			},
		} {
			t.Run(name+", "+client, func(t *testing.T) {
				t.Parallel()
				if client == "zeep" {
					findPython(t)
				}
				p := &scenarioRun{t: t, database: open(t), newCaller: connect, used: map[string]bool{}, leftovers: map[string][]byte{}}
				p.startService()
				p.playAll()
			})
		}
	}
}

func (p *scenarioRun) playAll() {
	p.importMandates()
	p.play("a notification is prepared, validated and revised", p.playPreparation)
	p.play("an implant is removed in parts, and notifications are taken back", p.playRemoval)
	p.play("an implant that was placed abroad is removed", p.playUnregisteredRemoval)
	former := p.keyIDs()
	p.runAdminDuring([]string{"keys", "add"}, func() {
		p.play("a doctor's hospital changes on 1 January 2024", p.playAffiliation)
		p.play("patients and doctors read", p.playReading)
	})
	p.runAdminDuring([]string{"keys", "rotate"}, func() {
		p.play("an access manager changes the staff", p.playStaff)
		p.play("mandates are granted, accepted, transferred, ended", p.playMandates)
	})
	p.runAdmin("keys", "reseal")
	before := p.takeSnapshot()
	p.runAdmin("keys", "retire", former[0])
	if now := p.keyIDs(); len(now) != 1 || now[0] == former[0] {
		p.t.Errorf("keys in the file: %v, and %v before", now, former)
	}
	p.requireSnapshot(before)
	p.stopService("the first service")
	p.startService() // the former key is no longer in memory
	p.requireSnapshot(before)
	p.play("an emergency is reported", p.playEmergency)
	p.play("searches find, in pages", p.playSearches)
	p.play("the list of devices", p.playDevices)
	p.play("a lot is recalled", p.playRecall)
	p.play("numbers are mistyped", p.playMistyped)
	p.play("every operation was used", p.checkOperationsUsed)
	p.play("the trail is whole", func() {
		p.runAdmin("verify", "--fast", "--checkpoints", filepath.Join(p.service.Data, auditlog.AnchorFileName))
	})
	p.play("the trail does not tell who is a patient", p.checkExport)
	p.stopService("the second service")
	p.checkPrivacy()
}

// startService starts a service and connects the client to it.
func (p *scenarioRun) startService() {
	p.service = p.database.StartService(p.t, "--admin-listen", "127.0.0.1:0")
	p.caller = p.newCaller(p.t, p.service)
}

// stopService ends the service and collects its metrics and output, and its files before and after the end.
func (p *scenarioRun) stopService(name string) {
	p.leftovers["the metrics of "+name] = interop.FetchPage(p.t, p.service.NewHTTPClient(p.t), p.service.Admin)
	p.collectFiles("while it runs, of " + name)
	p.requireEqual("exit code of "+name, p.service.Stop(p.t), 0)
	p.collectFiles("of " + name)
	_, after, _ := strings.Cut(p.service.Stdout(), "\n") // the first line contains names of .p12 files with subjects
	p.leftovers["standard output of "+name], p.leftovers["the log of "+name] = []byte(after), []byte(p.service.Stderr())
	if log := p.service.Stderr(); len(log) < 10_000 || strings.Contains(log, `"level":"ERROR"`) {
		p.t.Errorf("the log of %s:\n%s", name, log)
	}
}

// play runs a scenario, or a step of one, as a subtest. Each continues with the state that the previous one left, so
// the first failure ends them all.
func (p *scenarioRun) play(name string, act func()) {
	outer := p.t
	defer func() { p.t = outer }()
	if !outer.Run(name, func(t *testing.T) { p.t = t; act() }) {
		outer.Fatalf("%q failed: what follows needs the state that it should have left, and is not played", name)
	}
}

// mustCall makes a call and fails the test if it is refused.
func mustCall[R, Q any](p *scenarioRun, as identity, request *Q) *R {
	p.t.Helper()
	answer, refusal := sendRequest[R](p, as, request)
	if refusal != nil {
		p.t.Fatalf("%T of %v: refused with %v", request, as, refusal)
	}
	return answer
}

// mustRefuse makes a call that must be refused with a code.
func mustRefuse[Q any](p *scenarioRun, as identity, request *Q, code string) {
	p.t.Helper()
	if _, refusal := sendRequest[struct{}](p, as, request); !slices.Contains(refusal, code) {
		p.t.Errorf("%T of %v: refused with %v, want %s", request, as, refusal, code)
	}
}

func (p *scenarioRun) requireEqual(what string, got, want any) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// runAdmin runs a command of the operator, which must succeed.
func (p *scenarioRun) runAdmin(args ...string) string {
	p.t.Helper()
	result := p.database.RunAdmin(p.t, args...)
	if result.ExitCode != 0 {
		p.t.Fatalf("admin %v: exit %d\n%s%s", args, result.ExitCode, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// runAdminDuring runs a command of the operator concurrently with act.
func (p *scenarioRun) runAdminDuring(args []string, act func()) {
	p.t.Helper()
	command := interop.NewCommand(p.t, interop.ProgramPath(p.t, "ctrd"), nil, append(append([]string{"admin"}, args...), p.database.AdminFlags...)...)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		p.t.Fatal(err)
	}
	act()
	if err := command.Wait(); err != nil {
		p.t.Errorf("admin %v: %v\n%s", args, err, &said)
	}
	p.operatorOutput.Write(said.Bytes())
}

// importExtract imports a full extract: the development data with some texts replaced and lines added.
func (p *scenarioRun) importExtract(kind string, changed map[string]string, added ...string) {
	p.t.Helper()
	data, err := devdata.Files.ReadFile(kind + ".csv")
	if err != nil {
		p.t.Fatal(err)
	}
	text := strings.TrimRight(string(data), "\n")
	for old, now := range changed {
		if !strings.Contains(text, old) {
			p.t.Fatalf("%s.csv does not hold %s", kind, old)
		}
		text = strings.Replace(text, old, now, 1)
	}
	file := filepath.Join(p.t.TempDir(), kind+".csv")
	interop.WriteFile(p.t, file, []byte(strings.Join(append([]string{text}, added...), "\n")+"\n"))
	p.operatorOutput.WriteString(p.runAdmin("import", kind, file, "--full", "--commit"))
}

// importMandates adds mandates that the development data lack: one from Claes to Wouters that has ended, and one from
// Dubois without an end date.
func (p *scenarioRun) importMandates() {
	p.importExtract("mandates", map[string]string{";2027-12-31;": ";;"}, claesSSIN+";"+woutersSSIN+";CTR;2025-01-01;"+interop.FormatDaysAgo(2)+";2025-01-01")
}

// checkOperationsUsed requires that the operations called are exactly those of the WSDL.
func (p *scenarioRun) checkOperationsUsed() {
	wsdl := string(interop.FetchPage(p.t, p.service.NewHTTPClient(p.t), p.service.URL+"?wsdl"))
	contract := map[string]bool{}
	for _, found := range regexp.MustCompile(`<wsdl:operation name="([a-z])([A-Za-z]*)"`).FindAllStringSubmatch(wsdl, -1) {
		contract[strings.ToUpper(found[1])+found[2]] = true
	}
	if len(contract) < 15 || !maps.Equal(contract, p.used) {
		p.t.Errorf("used %v of %v", slices.Sorted(maps.Keys(p.used)), slices.Sorted(maps.Keys(contract)))
	}
}

// keyIDs returns the IDs of the keys in the key file.
func (p *scenarioRun) keyIDs() []string {
	p.t.Helper()
	data, err := os.ReadFile(p.database.KeyFile)
	if err != nil {
		p.t.Fatal(err)
	}
	var ids []string
	for _, found := range regexp.MustCompile(`"id": ?"([^"]*)"`).FindAllStringSubmatch(string(data), -1) {
		ids = append(ids, found[1])
	}
	return ids
}

// takeSnapshot returns the responses that several callers get, by description.
func (p *scenarioRun) takeSnapshot() map[string]string {
	p.t.Helper()
	shown := map[string]string{}
	note := func(what string, answer any) {
		data, err := json.Marshal(answer)
		if err != nil {
			p.t.Fatal(err)
		}
		shown[what] = string(data)
	}
	for patient, as := range map[string]identity{leroySSIN: asPerson(leroySSIN), vanDamSSIN: asPerson(duboisSSIN), nguyenSSIN: asOrganisation(clinic, duboisSSIN), smitSSIN: asPerson(claesSSIN)} {
		found := mustCall[ctr.SearchResponse](p, as, newSearch(criteriaByPatient(patient))).Notification
		note("notifications of "+patient, found)
		if len(found) == 0 {
			p.t.Fatalf("no notifications of %s", patient)
		}
		note("one of "+patient, mustCall[ctr.GetNotificationResponse](p, as, &ctr.GetNotificationRequest{Of: refByNumber(found[0].NotificationNumber)}).Notification)
		note("implants of "+patient, p.remainingImplants(as, patient, ""))
	}
	for _, as := range []identity{asPerson(claesSSIN), asOrganisation(hospital, woutersSSIN), asPerson(woutersSSIN)} {
		list := mustCall[ctr.ListPendingNotificationsResponse](p, as, &ctr.ListPendingNotificationsRequest{MaxElements: 100})
		note("waits for "+as.key+as.author, list.Notification)
	}
	note("mandates", mustCall[ctr.ListMandatesResponse](p, asPerson(claesSSIN), &ctr.ListMandatesRequest{MaxElements: 100}).Mandate)
	note("staff", mustCall[ctr.ListStaffResponse](p, asOrganisation(hospital, smitSSIN), &ctr.ListStaffRequest{MaxElements: 100}).Member)
	return shown
}

// requireSnapshot requires the same responses as before.
func (p *scenarioRun) requireSnapshot(before map[string]string) {
	p.t.Helper()
	now := p.takeSnapshot()
	for what, want := range before {
		if now[what] != want {
			p.t.Errorf("%s: %s\nbefore the key was renewed: %s", what, now[what], want)
		}
	}
}
