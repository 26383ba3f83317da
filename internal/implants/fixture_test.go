package implants_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the time zone of Brussels, also on a machine without zone files

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
	"github.com/openctr/ctr/internal/testing/registertest"
	"github.com/openctr/ctr/internal/testing/storetest"
)

// The people and things of the development data.
var (
	claes, dubois, peeters, maes = people.Claes, people.Dubois, people.Peeters, people.Maes
	lambert, wouters, jacobs     = people.Lambert, people.Wouters, people.Jacobs
	vanDam, leroy, nguyen        = people.VanDam, people.Leroy, people.Nguyen // patients
	kaya, smit, goosens          = people.Kaya, people.Smit, people.Goosens   // patients
	claesNIHII, duboisNIHII      = people.ClaesNIHII, people.DuboisNIHII
	maesNIHII                    = people.MaesNIHII
	hospital, clinic             = people.Hospital, people.Clinic
	pharmacy, pharmacyCBE        = people.Pharmacy, people.PharmacyCBE
	mesh, knee, hipStem, stent   = people.Mesh, people.Knee, people.HipStem, people.Stent
	unlisted                     = code("999999999949")
)

const kneeDI = people.KneeDI

func code(s string) ident.NotificationCode { return people.MustCode(s) }
func day(s string) ident.Date              { return people.MustDate(s) }

func period(from, to string) platform.Period { return platform.Period{From: day(from), To: day(to)} }

func bySSIN(s ident.SSIN) platform.ProfessionalRef   { return platform.ProfessionalRef{SSIN: s} }
func byNIHII(n ident.NIHII) platform.ProfessionalRef { return platform.ProfessionalRef{NIHII: n} }

// testRegister is a register on a real database, whose clock and IDs the test controls.
type testRegister struct {
	*implants.Registrar
	tb          testing.TB
	db          *store.DB
	now         time.Time
	ids         int
	lastMessage uint64
	lastEvent   int64 // sequence number in the audit log
}

// newTestRegister opens a register with the development data and further data of the test.
func newTestRegister(tb testing.TB, more ...implants.SourceEntries) *testRegister {
	tb.Helper()
	return newTestRegisterWith(tb, false, more...)
}

func newTestRegisterWith(tb testing.TB, requireLink bool, more ...implants.SourceEntries) *testRegister {
	tb.Helper()
	db, err := store.Open(tb.Context(), store.Config{Directory: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if failed := db.Close(); failed != nil {
			tb.Error(failed)
		}
	})
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		tb.Fatal(err)
	}
	d := &testRegister{tb: tb, db: db, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	d.Registrar = implants.New(implants.Config{Store: db, Now: func() time.Time { return d.now }, Location: brussels,
		RequireCareRelation: requireLink, NewID: func() string {
			d.ids++
			return fmt.Sprintf("id-%06d", d.ids)
		}})
	d.loadSources(append([]implants.SourceEntries{registertest.DevelopmentSources(tb)}, more...)...)
	return d
}

func (d *testRegister) loadSources(all ...implants.SourceEntries) {
	d.tb.Helper()
	for _, s := range all {
		if err := d.db.LoadSources(d.tb.Context(), s); err != nil {
			d.tb.Fatal(err)
		}
	}
}

// newMessage returns a new signed message with its own replay key.
func (d *testRegister) newMessage(signer string) platform.SignedMessage {
	kind, id, _ := strings.Cut(signer, "=")
	d.lastMessage++
	m := platform.SignedMessage{Correlation: fmt.Sprintf("c-%d", d.lastMessage), Operation: "Operation", ReceivedAt: d.now,
		Signer: platform.Signer{Type: kind, ID: id}, ReplayKey: platform.ReplayKey{ExpiresAt: d.now.Add(5 * time.Minute)}}
	binary.BigEndian.PutUint64(m.ReplayKey.Hash[:], d.lastMessage)
	m.Digest[0] = byte(d.lastMessage)
	return m
}

// callerWithOwnKey returns the caller of a message signed with the person's own certificate.
func (d *testRegister) callerWithOwnKey(who ident.SSIN) platform.Caller {
	d.tb.Helper()
	return d.identifyCaller("SSIN="+who.Digits(), nil)
}

// callerInside returns the caller of a message signed by an organisation, with the person as author.
func (d *testRegister) callerInside(organisation ident.NIHII, who ident.SSIN) platform.Caller {
	d.tb.Helper()
	kind := "NIHII-HOSPITAL="
	if organisation == pharmacy {
		kind = "NIHII-PHARMACY="
	}
	return d.identifyCaller(kind+organisation.Digits(), platform.Author{{Type: "SSIN", Value: who.Digits()}})
}

func (d *testRegister) identifyCaller(signer string, author platform.Author) platform.Caller {
	d.tb.Helper()
	c, err := d.Identify(d.tb.Context(), d.newMessage(signer), author)
	if err != nil {
		d.tb.Fatalf("%s: %v", signer, err)
	}
	return c
}

// newEvents returns the audit events recorded since the last call.
func (d *testRegister) newEvents() []platform.AuditEvent {
	d.tb.Helper()
	events, last, err := d.db.ReadEvents(d.tb.Context(), d.lastEvent, 1000)
	if err != nil {
		d.tb.Fatal(err)
	}
	d.lastEvent = last
	return events
}

// singleEvent returns the only audit event recorded since the last call.
func (d *testRegister) singleEvent() platform.AuditEvent {
	d.tb.Helper()
	events := d.newEvents()
	if len(events) != 1 {
		d.tb.Fatalf("%d events recorded, want 1: %v", len(events), events)
	}
	return events[0]
}

// implantation returns one that breaks no rule: by Claes, for Leroy, yesterday.
func implantation() implants.Implantation {
	return implants.Implantation{
		Specialist: bySSIN(claes), SurgeryDate: day("2026-11-20"), Patient: leroy,
		Prescriber: byNIHII(claesNIHII), PrescriptionDate: day("2026-11-02"), Comment: "revision of the left knee",
		Implants: []implants.NotifiedImplant{{Code: knee, Quantity: 1, Location: "left knee", Side: "Left"}},
	}
}

// mustNotify submits an implantation as its own specialist.
func (d *testRegister) mustNotify(n implants.Implantation) implants.Receipt {
	d.tb.Helper()
	receipt, err := d.NotifyImplant(d.tb.Context(), d.callerWithOwnKey(n.Specialist.SSIN), implants.SubmissionOptions{}, n)
	if err != nil {
		d.tb.Fatal(err)
	}
	return receipt
}

// claimFor claims an emergency, about a patient unless the request names them anyway.
func claimFor(reason string, patient ident.SSIN) implants.EmergencyClaim {
	return implants.EmergencyClaim{EmergencyReason: reason, EmergencyPatient: patient}
}

// formatRefusals returns the single refusals of an error, as "CODE" or "CODE at PATH".
func formatRefusals(err error) []string {
	if err == nil {
		return nil
	}
	var out []string
	for _, leaf := range problem.From(err).All() {
		out = append(out, formatCode(leaf.Code, leaf.Path))
	}
	return out
}

func formatWarnings(all []platform.Warning) []string {
	var out []string
	for _, w := range all {
		out = append(out, formatCode(w.Code, w.Path.String()))
	}
	return out
}

func formatCode(code problem.Code, place string) string {
	if place == "" {
		return string(code)
	}
	return string(code) + " at " + place
}

func wantCode(t *testing.T, err error, want problem.Code) {
	t.Helper()
	if got, ok := errors.AsType[*problem.Error](err); !ok || got.Code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func wantStrings(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// runOnRegisters runs a test on two nodes of one register, on SQLite and, if a server is configured, on PostgreSQL.
func runOnRegisters(t *testing.T, run func(*testing.T, []*testRegister)) {
	t.Helper()
	brussels, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	runOnEngines(t, func(t *testing.T, backend func(testing.TB) storetest.Backend) {
		t.Helper()
		b := backend(t)
		nodes := make([]*testRegister, 2)
		for i := range nodes {
			d := &testRegister{tb: t, db: b.Open(t), now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), lastMessage: uint64(i) << 32}
			d.Registrar = implants.New(implants.Config{Store: d.db, Now: func() time.Time { return d.now }, Location: brussels,
				NewID: func() string {
					d.ids++
					return fmt.Sprintf("id-%d-%06d", i, d.ids)
				}})
			nodes[i] = d
		}
		nodes[0].loadSources(registertest.DevelopmentSources(t))
		run(t, nodes)
	})
}
