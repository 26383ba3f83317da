package implants_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the time zone of Brussels, also on a machine without zone files

	"github.com/openctr/ctr/internal/devkit/devdata"
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/store"
)

// The people and things of the development data.
var (
	claes   = ssin("78031412250") // orthopaedic surgeon at the hospital
	dubois  = ssin("69092234126") // cardiologist, since 2024 at the clinic
	peeters = ssin("85073003328") // general practitioner
	maes    = ssin("72010120721") // titular pharmacist
	lambert = ssin("81050511813") // dentist
	wouters = ssin("91021706490") // staff of the hospital
	jacobs  = ssin("66061141504") // surgeon until the end of 2022
	vanDam  = ssin("84061205236") // patients, from here on
	leroy   = ssin("48022907379")
	nguyen  = ssin("05041801691")
	kaya    = ssin("12451200933")
	smit    = ssin("55230002134")
	goosens = ssin("39083015514")

	claesNIHII  = nihii("17800389480")
	duboisNIHII = nihii("16900269730")
	maesNIHII   = nihii("27200184000")
	hospital    = nihii("71000436")
	clinic      = nihii("71012413")
	pharmacy    = nihii("21500346")
	pharmacyCBE = must(ident.ParseCBE, "0812345603")

	mesh     = code("000060479203")
	knee     = code("000071200176")
	hipStem  = code("000071211064") // recalled
	stent    = code("000080145655") // deleted on 30 June 2021
	unlisted = code("999999999949")
)

const kneeDI = "05410000001047"

func must[T any](parse func(string) (T, error), text string) T {
	value, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", text, err))
	}
	return value
}

func ssin(s string) ident.SSIN             { return must(ident.ParseSSIN, s) }
func nihii(s string) ident.NIHII           { return must(ident.ParseNIHII, s) }
func code(s string) ident.NotificationCode { return must(ident.ParseNotificationCode, s) }

// day parses a date; the empty text gives the zero date.
func day(s string) ident.Date {
	if s == "" {
		return ident.Date{}
	}
	return must(ident.ParseDate, s)
}

func period(from, to string) implants.Period { return implants.Period{From: day(from), To: day(to)} }

func bySSIN(s ident.SSIN) implants.ProfessionalRef   { return implants.ProfessionalRef{SSIN: s} }
func byNIHII(n ident.NIHII) implants.ProfessionalRef { return implants.ProfessionalRef{NIHII: n} }

// readRows reads one file of the development data; each row maps column names to values.
func readRows(tb testing.TB, kind string) []map[string]string {
	tb.Helper()
	data, err := devdata.Files.ReadFile(kind + ".csv")
	if err != nil {
		tb.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = ';'
	all, err := r.ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	var out []map[string]string
	for _, record := range all[1:] {
		row := map[string]string{}
		for i, column := range all[0] {
			row[column] = record[i]
		}
		out = append(out, row)
	}
	return out
}

// developmentSources returns the development data in the form that a store loads.
func developmentSources(tb testing.TB) implants.SourceEntries {
	tb.Helper()
	var s implants.SourceEntries
	span := func(r map[string]string) implants.Period { return period(r["valid_from"], r["valid_to"]) }
	for _, r := range readRows(tb, "persons") {
		s.Persons = append(s.Persons, implants.Person{SSIN: ssin(r["ssin"]), FirstName: r["first_name"], LastName: r["last_name"],
			BirthDate: day(r["birth_date"]), DeathDate: day(r["death_date"])})
	}
	for _, r := range readRows(tb, "professionals") {
		s.Practices = append(s.Practices, implants.Practice{SSIN: ssin(r["ssin"]), NIHII: nihii(r["nihii"]),
			Profession: implants.Profession(r["profession"]), Speciality: r["speciality"], Period: span(r)})
	}
	for _, r := range readRows(tb, "organisations") {
		s.Organisations = append(s.Organisations, implants.Organisation{NIHII: nihii(r["nihii"]), CBE: must(ident.ParseCBE, r["cbe"]),
			Type: r["type"], Name: r["name"]})
	}
	for _, r := range readRows(tb, "affiliations") {
		s.Affiliations = append(s.Affiliations, implants.Affiliation{Organisation: nihii(r["organisation_nihii"]),
			SSIN: ssin(r["ssin"]), Role: implants.Role(r["role"]), Period: span(r)})
	}
	for _, r := range readRows(tb, "therapeutic-links") {
		s.Links = append(s.Links, implants.TherapeuticLink{Patient: ssin(r["patient_ssin"]), Professional: ssin(r["professional_ssin"]),
			Type: r["type"], Period: span(r)})
	}
	for _, r := range readRows(tb, "mandates") {
		s.Mandates = append(s.Mandates, implants.Mandate{Grantor: ssin(r["grantor_ssin"]), Grantee: ssin(r["grantee_ssin"]),
			Service: r["service"], AcceptedOn: day(r["accepted_on"]), Period: span(r)})
	}
	for _, r := range readRows(tb, "devices") {
		s.Devices = append(s.Devices, implants.Device{Code: code(r["notification_code"]), Name: r["name"], Reference: r["reference"],
			Manufacturer: r["manufacturer"], Distributor: r["distributor"], Classification: r["classification"], Category: r["category"],
			UDIDIs: strings.Fields(r["udi_di"]), Status: implants.DeviceStatus(r["status"]), ValidFrom: day(r["valid_from"]),
			DeletedOn: day(r["deleted_on"])})
	}
	return s
}

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
	d.loadSources(append([]implants.SourceEntries{developmentSources(tb)}, more...)...)
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
func (d *testRegister) newMessage(signer string) implants.SignedMessage {
	kind, id, _ := strings.Cut(signer, "=")
	d.lastMessage++
	m := implants.SignedMessage{Correlation: fmt.Sprintf("c-%d", d.lastMessage), Operation: "Operation", ReceivedAt: d.now,
		Signer: implants.Signer{Type: kind, ID: id}, ReplayKey: implants.ReplayKey{ExpiresAt: d.now.Add(5 * time.Minute)}}
	binary.BigEndian.PutUint64(m.ReplayKey.Hash[:], d.lastMessage)
	m.Digest[0] = byte(d.lastMessage)
	return m
}

// callerWithOwnKey returns the caller of a message signed with the person's own certificate.
func (d *testRegister) callerWithOwnKey(who ident.SSIN) implants.Caller {
	d.tb.Helper()
	return d.identifyCaller("SSIN="+who.Digits(), nil)
}

// callerInside returns the caller of a message signed by an organisation, with the person as author.
func (d *testRegister) callerInside(organisation ident.NIHII, who ident.SSIN) implants.Caller {
	d.tb.Helper()
	return d.identifyCaller("NIHII-HOSPITAL="+organisation.Digits(), implants.Author{{Type: "SSIN", Value: who.Digits()}})
}

func (d *testRegister) identifyCaller(signer string, author implants.Author) implants.Caller {
	d.tb.Helper()
	c, err := d.Identify(d.tb.Context(), d.newMessage(signer), author)
	if err != nil {
		d.tb.Fatalf("%s: %v", signer, err)
	}
	return c
}

// newEvents returns the audit events recorded since the last call.
func (d *testRegister) newEvents() []implants.AuditEvent {
	d.tb.Helper()
	events, last, err := d.db.ReadEvents(d.tb.Context(), d.lastEvent, 1000)
	if err != nil {
		d.tb.Fatal(err)
	}
	d.lastEvent = last
	return events
}

// singleEvent returns the only audit event recorded since the last call.
func (d *testRegister) singleEvent() implants.AuditEvent {
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

func formatWarnings(all []implants.Warning) []string {
	var out []string
	for _, w := range all {
		out = append(out, formatCode(w.Code, w.Path))
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
