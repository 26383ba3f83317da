package implants_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
)

var update = flag.Bool("update", false, "write the cells of docs/permissions.md anew; whoever does reads every change")

const permissionsDocument = "../../docs/permissions.md"

// TestPermissions checks every cell of the tables in docs/permissions.md on a real database. That page describes the
// scene in which each caller tries each action.
func TestPermissions(t *testing.T) {
	t.Parallel()
	s := newPermissionScene(t)
	data, err := os.ReadFile(permissionsDocument)
	if err != nil {
		t.Fatal(err)
	}
	callers, actions := s.callers(), s.actions()
	tried := map[string]bool{}
	lines := strings.Split(string(data), "\n")
	var columns []string
	for i, line := range lines {
		cells, ok := splitCells(line)
		switch {
		case !ok:
			columns = nil
			continue
		case columns == nil:
			if cells[0] == "who" {
				columns = cells
			}
			continue
		case strings.HasPrefix(cells[0], "---"):
			continue
		}
		who, ok := callers[cells[0]]
		if !ok || len(cells) != len(columns) {
			t.Fatalf("line %d: no such caller, or another number of cells", i+1)
		}
		for j := 1; j < len(cells); j++ {
			what, ok := actions[columns[j]]
			if !ok {
				t.Fatalf("no such action: %s", columns[j])
			}
			name := cells[0] + "/" + columns[j]
			if tried[name] {
				t.Errorf("%s stands in the document twice", name)
			}
			tried[name] = true
			t.Run(name, func(t *testing.T) {
				got := s.runAction(t, who, what)
				if *update {
					cells[j] = got
				}
				if cells[j] != got {
					t.Errorf("got %q, want %q", got, cells[j])
				}
			})
		}
		lines[i] = "| " + strings.Join(cells, " | ") + " |"
	}
	if len(tried) != len(callers)*len(actions) {
		t.Errorf("the document has %d cells, not %d callers with %d actions each", len(tried), len(callers), len(actions))
	}
	if *update {
		if err := os.WriteFile(permissionsDocument, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// splitCells splits a line of a table into its cells.
func splitCells(line string) ([]string, bool) {
	line, ok := strings.CutPrefix(line, "| ")
	if !ok {
		return nil, false
	}
	cells := strings.Split(strings.TrimSuffix(line, " |"), " | ")
	return cells, len(cells) > 1
}

// permissionScene is the scene that docs/permissions.md describes.
type permissionScene struct {
	*testRegister
	first, second implants.Receipt // the two notifications about Smit
	target        implants.Receipt // of Claes about Nguyen; made again for each action that needs it
}

const today, yesterday = "2026-11-21", "2026-11-20"

func newPermissionScene(t *testing.T) *permissionScene {
	t.Helper()
	s := &permissionScene{testRegister: newTestRegister(t, implants.SourceEntries{
		Links: []implants.TherapeuticLink{
			{Patient: smit, Professional: peeters, Type: "gmd", Period: period("2020-01-01", today)}, // ends today
			{Patient: smit, Professional: lambert, Type: "specialistconsultation", Period: period("2020-01-01", yesterday)},
		},
		Affiliations: []implants.Affiliation{
			{Organisation: hospital, SSIN: lambert, Role: "Specialist", Period: period(today, "")},
			{Organisation: hospital, SSIN: peeters, Role: implants.RoleAdministrative, Period: period("2020-01-01", "")},
			{Organisation: hospital, SSIN: leroy, Role: implants.RoleManager, Period: period("2020-01-01", today)}, // ends today
			{Organisation: hospital, SSIN: vanDam, Role: implants.RoleManager, Period: period("2020-01-01", yesterday)},
		},
		Mandates: []implants.Mandate{
			{Grantor: claes, Grantee: lambert, Service: "CTR", AcceptedOn: day(yesterday), Period: period("2020-01-01", "")},
			{Grantor: claes, Grantee: nguyen, Service: "CTR", AcceptedOn: day(yesterday), Period: period("2020-01-01", "")},
		},
	})}
	n := implantation()
	n.Patient = smit
	s.first = s.mustNotify(n)
	n.Specialist, n.SurgeryDate = bySSIN(dubois), day("2026-11-19")
	s.second = s.mustNotify(n)
	s.loadSources(implants.SourceEntries{Links: []implants.TherapeuticLink{
		{Patient: smit, Professional: claes, Type: implants.LinkTypeSurgery, Period: period(yesterday, yesterday)}}})
	return s
}

// sceneCaller is a caller of the scene.
type sceneCaller struct {
	caller   func() implants.Caller
	self     ident.SSIN
	capacity implants.Capacity
}

func (s *permissionScene) callers() map[string]sceneCaller {
	person := func(who ident.SSIN, as implants.Capacity) sceneCaller {
		return sceneCaller{func() implants.Caller { return s.callerWithOwnKey(who) }, who, as}
	}
	inside := func(where ident.NIHII, who ident.SSIN, as implants.Capacity) sceneCaller {
		return sceneCaller{func() implants.Caller { return s.callerInside(where, who) }, who, as}
	}
	return map[string]sceneCaller{
		"Claes":                          person(claes, implants.CapacityDoctor),
		"Claes, inside the hospital":     inside(hospital, claes, implants.CapacityDoctor),
		"Dubois":                         person(dubois, implants.CapacityDoctor),
		"Dubois, inside the clinic":      inside(clinic, dubois, implants.CapacityDoctor),
		"Dubois, inside the hospital":    inside(hospital, dubois, implants.CapacityDoctor),
		"Peeters":                        person(peeters, implants.CapacityDoctor),
		"Peeters, inside the hospital":   inside(hospital, peeters, implants.CapacityStaff),
		"Lambert":                        person(lambert, implants.CapacityDoctor),
		"Lambert, inside the hospital":   inside(hospital, lambert, implants.CapacityDoctor),
		"Maes":                           person(maes, implants.CapacityProfessional),
		"Maes, inside the pharmacy":      inside(pharmacy, maes, implants.CapacityProfessional),
		"Wouters":                        person(wouters, implants.CapacityPatient),
		"Wouters, inside the hospital":   inside(hospital, wouters, implants.CapacityStaff),
		"Leroy":                          person(leroy, implants.CapacityPatient),
		"Leroy, inside the hospital":     inside(hospital, leroy, implants.CapacityManager),
		"Smit":                           person(smit, implants.CapacityPatient),
		"Smit, inside the hospital":      inside(hospital, smit, implants.CapacityManager),
		"Van Damme":                      person(vanDam, implants.CapacityPatient),
		"Van Damme, inside the hospital": inside(hospital, vanDam, implants.CapacityStaff),
		"Nguyen":                         person(nguyen, implants.CapacityPatient),
		"Jacobs":                         person(jacobs, implants.CapacityPatient),
	}
}

// sceneAction is an action that a caller tries.
type sceneAction struct {
	before          func(self ident.SSIN) // creates what the action needs
	act             func(implants.Caller) string
	after           func(self ident.SSIN) // removes it again
	about           func(self ident.SSIN) ident.SSIN
	namesOldVersion bool // the action names an outdated version, so an authorised caller gets VERSION_OUTDATED and nothing changes
}

// runAction lets a caller try an action, and checks the audit event.
func (s *permissionScene) runAction(t *testing.T, by sceneCaller, a sceneAction) string {
	t.Helper()
	if a.before != nil {
		a.before(by.self)
	}
	who := by.caller()
	s.newEvents()
	got := a.act(who)
	events := s.newEvents()
	if len(events) == 2 && events[0].Patient != events[1].Patient { // two persons are concerned
		events = events[:1]
	}
	if len(events) != 1 {
		t.Fatalf("%d events recorded: %v", len(events), events)
	}
	e := events[0]
	if a.after != nil {
		a.after(by.self)
	}
	if e.Person != by.self || e.Capacity != by.capacity || e.Signer == "" || e.Correlation == "" || e.Operation == "" || e.OccurredAt.IsZero() {
		t.Errorf("recorded as %+v", e)
	}
	if e.Patient != a.about(by.self) && e.Outcome != implants.OutcomeRefused {
		t.Errorf("recorded about %v", e.Patient)
	}
	checkOutcome(t, e, got)
	code, _, _ := strings.Cut(got, " at ")
	switch {
	case a.namesOldVersion && code == "VERSION_OUTDATED":
		return "yes"
	case code == strings.ToUpper(code) && strings.ContainsAny(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
		return "`" + code + "`"
	}
	return code
}

// checkOutcome compares an audit event with the result that the caller got.
func checkOutcome(t *testing.T, e implants.AuditEvent, got string) {
	t.Helper()
	withheld := got == "0" || got == "CARD_WITHHELD" || got == "NOTIFICATION_WITHHELD"
	switch {
	case e.Outcome == implants.OutcomeAccepted:
		if e.Reason == "" || len(e.Codes) > 0 {
			t.Errorf("accepted without a reason: %+v", e)
		}
	case e.Outcome == implants.OutcomeWithheld:
		if !withheld {
			t.Errorf("withheld is recorded, but %q was given", got)
		}
	case len(e.Codes) != 1:
		t.Errorf("refused with the codes %v", e.Codes)
	}
	if refusedCode := got != "ok" && got[0] >= 'A' && got[0] <= 'Z' && !withheld; refusedCode != (e.Outcome == implants.OutcomeRefused) {
		t.Errorf("outcome %s for %q", e.Outcome, got)
	}
}
