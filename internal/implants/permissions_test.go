package implants_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/testing/registertest"
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
	s := &permissionScene{testRegister: newTestRegister(t, registertest.PermissionSources())}
	n := implantation()
	n.Patient, n.SurgeryDate, n.PrescriptionDate = smit, day("2025-08-20"), day("2025-08-01") // fifteen months ago, and a day
	s.first = s.mustNotify(n)
	n.Specialist, n.SurgeryDate = bySSIN(dubois), day("2025-08-21")
	s.second = s.mustNotify(n)
	return s
}

// sceneCaller is a caller of the scene.
type sceneCaller struct {
	caller   func() platform.Caller
	self     ident.SSIN
	capacity platform.Capacity
}

func (s *permissionScene) callers() map[string]sceneCaller {
	person := func(who ident.SSIN, as platform.Capacity) sceneCaller {
		return sceneCaller{func() platform.Caller { return s.callerWithOwnKey(who) }, who, as}
	}
	inside := func(where ident.NIHII, who ident.SSIN, as platform.Capacity) sceneCaller {
		return sceneCaller{func() platform.Caller { return s.callerInside(where, who) }, who, as}
	}
	return map[string]sceneCaller{
		"Claes":                          person(claes, platform.CapacityDoctor),
		"Claes, inside the hospital":     inside(hospital, claes, platform.CapacityDoctor),
		"Dubois":                         person(dubois, platform.CapacityDoctor),
		"Dubois, inside the clinic":      inside(clinic, dubois, platform.CapacityDoctor),
		"Dubois, inside the hospital":    inside(hospital, dubois, platform.CapacityDoctor),
		"Peeters":                        person(peeters, platform.CapacityDoctor),
		"Peeters, inside the hospital":   inside(hospital, peeters, platform.CapacityStaff),
		"Lambert":                        person(lambert, platform.CapacityDoctor),
		"Lambert, inside the hospital":   inside(hospital, lambert, platform.CapacityDoctor),
		"Maes":                           person(maes, platform.CapacityProfessional),
		"Maes, inside the pharmacy":      inside(pharmacy, maes, platform.CapacityProfessional),
		"Wouters":                        person(wouters, platform.CapacityPatient),
		"Wouters, inside the hospital":   inside(hospital, wouters, platform.CapacityStaff),
		"Leroy":                          person(leroy, platform.CapacityPatient),
		"Leroy, inside the hospital":     inside(hospital, leroy, platform.CapacityManager),
		"Smit":                           person(smit, platform.CapacityPatient),
		"Smit, inside the hospital":      inside(hospital, smit, platform.CapacityManager),
		"Van Damme":                      person(vanDam, platform.CapacityPatient),
		"Van Damme, inside the hospital": inside(hospital, vanDam, platform.CapacityStaff),
		"Nguyen":                         person(nguyen, platform.CapacityPatient),
		"Nguyen, inside the clinic":      inside(clinic, nguyen, platform.CapacityStaff),
		"Jacobs":                         person(jacobs, platform.CapacityPatient),
	}
}

// sceneAction is an action that a caller tries.
type sceneAction struct {
	before          func(self ident.SSIN) // creates what the action needs
	act             func(platform.Caller) string
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
	capacity := by.capacity
	if e.Reason == platform.ReasonOwnData { // everybody reads their own data as a patient
		capacity = platform.CapacityPatient
	}
	if e.Person != by.self || e.Capacity != capacity || e.Signer == "" || e.Correlation == "" || e.Operation == "" || e.OccurredAt.IsZero() {
		t.Errorf("recorded as %+v", e)
	}
	if e.Patient != a.about(by.self) && e.Outcome != platform.OutcomeRefused {
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
func checkOutcome(t *testing.T, e platform.AuditEvent, got string) {
	t.Helper()
	withheld := got == "0" || got == "CARD_WITHHELD" || got == "NOTIFICATION_WITHHELD"
	switch {
	case e.Outcome == platform.OutcomeAccepted:
		if e.Reason == "" || len(e.Codes) > 0 {
			t.Errorf("accepted without a reason: %+v", e)
		}
	case e.Outcome == platform.OutcomeWithheld:
		if !withheld {
			t.Errorf("withheld is recorded, but %q was given", got)
		}
	case len(e.Codes) != 1:
		t.Errorf("refused with the codes %v", e.Codes)
	}
	if refusedCode := got != "ok" && got[0] >= 'A' && got[0] <= 'Z' && !withheld; refusedCode != (e.Outcome == platform.OutcomeRefused) {
		t.Errorf("outcome %s for %q", e.Outcome, got)
	}
}
