package storetest

import (
	"reflect"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store"
	"github.com/openctr/ctr/internal/testing/people"
)

func newSourceEntries() implants.SourceEntries {
	return implants.SourceEntries{
		Persons: []platform.Person{
			{SSIN: claes, FirstName: "Anna", LastName: "Claes", BirthDate: people.MustDate("1978-03-14")},
			{SSIN: leroy, FirstName: "Jean", LastName: "Leroy", BirthDate: people.MustDate("1948-02-29"), DeathDate: people.MustDate("2024-11-02")},
		},
		Practices: []platform.Practice{
			{SSIN: claes, NIHII: claesNIHII, Profession: platform.Physician, Speciality: "Orthopaedic surgery", Period: newPeriod("2005-07-01", "")},
			{SSIN: dubois, NIHII: duboisNIHII, Profession: platform.Physician, Speciality: "Internal medicine", Period: newPeriod("1990-01-01", "1996-08-31")},
			{SSIN: dubois, NIHII: duboisNIHII, Profession: platform.Physician, Speciality: "Cardiology", Period: newPeriod("1996-09-01", "")},
		},
		Organisations: []platform.Organisation{
			{NIHII: hospital, CBE: people.Must(ident.ParseCBE, "0403227020"), Type: "Hospital", Name: "Ziekenhuis Sint-Elooi"},
			{CBE: people.PharmacyCBE, Type: "Pharmacy", Name: "Apotheek"},
		},
		Affiliations: []platform.Affiliation{
			{Organisation: hospital, SSIN: claes, Role: "Specialist", Period: newPeriod("2010-01-01", "")},
			{Organisation: hospital, SSIN: dubois, Role: "Specialist", Period: newPeriod("2012-03-01", "2023-12-31")},
			{Organisation: pharmacy, SSIN: dubois, Role: platform.RoleTitularPharmacist, Period: newPeriod("2013-01-01", "")},
		},
		Mandates: []platform.Mandate{
			{Grantor: dubois, Grantee: claes, Service: "CTR", AcceptedOn: people.MustDate("2024-01-03"), Period: newPeriod("2024-01-01", "2027-12-31")},
		},
		Links: []platform.TherapeuticLink{
			{Patient: leroy, Professional: peeters, Type: "gpconsultation", Period: newPeriod("2019-01-01", "2022-12-31")},
			{Patient: leroy, Professional: peeters, Type: "gpconsultation", Period: newPeriod("2025-01-01", "")},
		},
		Devices: []implants.Device{newKneeDevice(), newMeshDevice()},
	}
}

func newKneeDevice() implants.Device {
	return implants.Device{Code: knee, Name: "Total knee", Reference: "TK-1", Manufacturer: "Meridian", Distributor: "Alma",
		Classification: "C.10.02.01.02", Category: "Orthopaedic", UDIDIs: []string{"05410000001047", "05410000000125"},
		Status: implants.DeviceRecalled, ValidFrom: people.MustDate("2014-05-01")}
}

func newMeshDevice() implants.Device {
	return implants.Device{Code: mesh, Name: "Mesh", Reference: "FS", Manufacturer: "Meridian", Distributor: "Meridian",
		UDIDIs: []string{"05410000000125"}, Status: implants.DeviceActive, ValidFrom: people.MustDate("2014-05-01"), DeletedOn: people.MustDate("2025-01-01")}
}

func loadSources(t testing.TB, db *store.DB, all implants.SourceEntries) {
	t.Helper()
	if err := db.LoadSources(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func checkEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func testSources(t *testing.T, b Backend) {
	db := b.Open(t)
	all := newSourceEntries()
	loadSources(t, db, all)
	readTx(t, db, func(r implants.Reader) error {
		person, there, err := r.Person(leroy)
		checkFound(t, "person", person, all.Persons[1], there, err)
		person, there, err = r.Person(vanDam)
		checkNotFound(t, "no person", person, there, err)

		practices, err := r.Practices(platform.ProfessionalRef{SSIN: dubois})
		checkValue(t, "practices by SSIN", practices, all.Practices[1:], err)
		practices, err = r.Practices(platform.ProfessionalRef{NIHII: people.MustNIHII(duboisNIHII.Digits()[:8])})
		checkValue(t, "practices by NIHII", practices, all.Practices[1:], err)
		practices, err = r.Practices(platform.ProfessionalRef{SSIN: leroy, NIHII: duboisNIHII})
		checkValue(t, "no practices", len(practices), 0, err)
		practices, err = r.Practices(platform.ProfessionalRef{})
		checkValue(t, "practices of nobody", len(practices), 0, err)

		organisation, there, err := r.Organisation(platform.OrganisationRef{NIHII: hospital})
		checkFound(t, "organisation by NIHII", organisation, all.Organisations[0], there, err)
		organisation, there, err = r.Organisation(platform.OrganisationRef{CBE: all.Organisations[1].CBE})
		checkFound(t, "organisation by CBE", organisation, all.Organisations[1], there, err)
		organisation, there, err = r.Organisation(platform.OrganisationRef{NIHII: pharmacy})
		checkNotFound(t, "no organisation", organisation, there, err)
		organisation, there, err = r.Organisation(platform.OrganisationRef{})
		checkNotFound(t, "organisation without a number", organisation, there, err)

		affiliations, err := r.Affiliations(hospital, dubois)
		checkValue(t, "affiliations to one", affiliations, all.Affiliations[1:2], err)
		affiliations, err = r.Affiliations(ident.NIHII{}, dubois)
		checkValue(t, "affiliations to any", affiliations, all.Affiliations[1:], err)
		affiliations, err = r.Affiliations(hospital, leroy)
		checkValue(t, "no affiliations", len(affiliations), 0, err)

		links, err := r.TherapeuticLinks(leroy, peeters)
		checkValue(t, "links", links, all.Links, err)
		links, err = r.TherapeuticLinks(peeters, leroy)
		checkValue(t, "no links", len(links), 0, err)

		device, there, err := r.DeviceByCode(knee)
		checkFound(t, "device by code", device, newKneeDevice(), there, err)
		device, there, err = r.DeviceByCode(people.MustCode("000060479302"))
		checkNotFound(t, "no device by code", device, there, err)
		device, there, err = r.DeviceByDI("05410000001047")
		checkFound(t, "device by DI", device, newKneeDevice(), there, err)
		device, there, err = r.DeviceByDI("05410000000125")
		checkFound(t, "device by DI of two, one of them active", device, newMeshDevice(), there, err)
		device, there, err = r.DeviceByDI("")
		checkNotFound(t, "no device by DI", device, there, err)
		return nil
	})
}

// checkValue checks the result of a call without an error.
func checkValue(t testing.TB, name string, got, want any, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	checkEqual(t, name, got, want)
}

// checkFound checks a result that must exist.
func checkFound(t testing.TB, name string, got, want any, found bool, err error) {
	t.Helper()
	if err == nil && !found {
		t.Errorf("%s: not found", name)
	}
	checkValue(t, name, got, want, err)
}

// checkNotFound checks that there is no result: it is the zero value, or nil when the caller dropped it.
func checkNotFound(t testing.TB, name string, got any, found bool, err error) {
	t.Helper()
	if err != nil || found || got != nil && !reflect.ValueOf(got).IsZero() {
		t.Errorf("%s: found %t, %+v, %v", name, found, got, err)
	}
}

func testLoadReplaces(t *testing.T, b Backend) {
	db := b.Open(t)
	loadSources(t, db, newSourceEntries())

	again := newSourceEntries()
	again.Persons[0].LastName = "Claes-Peeters"
	again.Persons[0].DeathDate = people.MustDate("2026-01-01")
	again.Practices[2].To = people.MustDate("2026-06-30")
	again.Organisations[0].Name = "Sint-Elooi"
	again.Affiliations[0].To = people.MustDate("2026-06-30")
	again.Mandates[0].To = people.MustDate("2026-06-30")
	again.Links[1].To = people.MustDate("2026-06-30")
	again.Devices[0].UDIDIs = []string{"05410000000293"}
	again.Devices[0].Status = implants.DeviceDeleted
	loadSources(t, db, again)

	readTx(t, db, func(r implants.Reader) error {
		person, there, err := r.Person(claes)
		checkFound(t, "person", person, again.Persons[0], there, err)
		practices, err := r.Practices(platform.ProfessionalRef{SSIN: dubois})
		checkValue(t, "practices", practices, again.Practices[1:], err)
		organisation, there, err := r.Organisation(platform.OrganisationRef{CBE: again.Organisations[0].CBE})
		checkFound(t, "organisation", organisation, again.Organisations[0], there, err)
		affiliations, err := r.Affiliations(hospital, claes)
		checkValue(t, "affiliations", affiliations, again.Affiliations[:1], err)
		links, err := r.TherapeuticLinks(leroy, peeters)
		checkValue(t, "links", links, again.Links, err)
		_, there, err = r.DeviceByDI("05410000001047")
		checkNotFound(t, "former DI", nil, there, err)
		device, there, err := r.DeviceByDI("05410000000293")
		checkFound(t, "new DI", device, again.Devices[0], there, err)
		return nil
	})
}

func testLoadAllOrNothing(t *testing.T, b Backend) {
	db := b.Open(t)
	raw := b.OpenRaw(t)
	if _, err := raw.ExecContext(t.Context(), `DROP TABLE device_udi`); err != nil {
		t.Fatal(err)
	}
	if err := db.LoadSources(t.Context(), newSourceEntries()); err == nil {
		t.Error("loaded into a table that is not there")
	}
	empty, err := db.IsEmpty(t.Context())
	checkValue(t, "empty", empty, true, err)
}

// testLoadNodes checks that entries loaded by one node are visible in the next transaction of every other node,
// whatever that node has cached, and that a transaction that began before does not see them.
func testLoadNodes(t *testing.T, b Backend) {
	one, other := b.Open(t), b.Open(t)
	named := func(name string) implants.SourceEntries {
		device := newKneeDevice()
		device.Name = name
		return implants.SourceEntries{Devices: []implants.Device{device}}
	}
	sees := func(when string, r implants.Reader, name string) {
		t.Helper()
		for range 2 {
			device, there, err := r.DeviceByCode(knee)
			checkFound(t, when, device.Name, name, there == (name != ""), err)
			byDI, there, err := r.DeviceByDI(newKneeDevice().UDIDIs[0])
			checkFound(t, when+", by device identifier", byDI.Name, name, there == (name != ""), err)
			practices, err := r.Practices(platform.ProfessionalRef{SSIN: claes})
			checkValue(t, when+", practices", len(practices), 0, err)
		}
	}
	nodes := []*store.DB{one, other}
	for _, db := range nodes {
		readTx(t, db, func(r implants.Reader) error { sees("at first", r, ""); return nil })
	}
	before := ""
	for i, name := range []string{"first", "second", "third"} {
		readTx(t, nodes[i%2], func(r implants.Reader) error {
			sees("before the load", r, before)
			loadSources(t, other, named(name))
			sees("begun before the load", r, before)
			// A concurrent transaction with another snapshot must not change what this one reads from the cache.
			readTx(t, nodes[i%2], func(later implants.Reader) error { sees("meanwhile", later, name); return nil })
			sees("still begun before the load", r, before)
			return nil
		})
		for _, db := range nodes {
			readTx(t, db, func(r implants.Reader) error { sees("after the load", r, name); return nil })
		}
		before = name
	}
}

func testEmpty(t *testing.T, b Backend) {
	db := b.Open(t)
	empty, err := db.IsEmpty(t.Context())
	checkValue(t, "new", empty, true, err)
	loadSources(t, db, implants.SourceEntries{Devices: []implants.Device{newKneeDevice()}})
	empty, err = db.IsEmpty(t.Context())
	checkValue(t, "loaded", empty, false, err)
}

func testMandates(t *testing.T, b Backend) {
	db := b.Open(t)
	mandates := []platform.Mandate{
		{Grantor: dubois, Grantee: claes, Service: "CTR", AcceptedOn: people.MustDate("2024-01-03"), Period: newPeriod("2024-01-01", "2027-12-31")},
		{Grantor: peeters, Grantee: claes, Service: "CTR", Period: newPeriod("2025-01-01", "")},
		{Grantor: dubois, Grantee: peeters, Service: "CTR", AcceptedOn: people.MustDate("2026-01-01"), Period: newPeriod("2026-01-01", "2026-06-30")},
	}
	loadSources(t, db, implants.SourceEntries{Mandates: mandates})
	readTx(t, db, func(r implants.Reader) error {
		got, err := r.MandatesByGrantee(claes)
		checkValue(t, "to one", got, mandates[:2], err)
		got, err = r.MandatesByGrantor(dubois)
		checkValue(t, "from one", got, []platform.Mandate{mandates[0], mandates[2]}, err)
		got, err = r.MandatesByGrantee(dubois)
		checkValue(t, "to nobody", len(got), 0, err)
		got, err = r.MandatesByGrantor(claes)
		checkValue(t, "from nobody", len(got), 0, err)
		return nil
	})
}

func testSearchDevices(t *testing.T, b Backend) {
	db := b.Open(t)
	device := func(c, name, reference, manufacturer, distributor, category string, dis ...string) implants.Device {
		return implants.Device{Code: people.MustCode(c), Name: name, Reference: reference, Manufacturer: manufacturer, Distributor: distributor,
			Category: category, UDIDIs: dis, Status: implants.DeviceActive, ValidFrom: people.MustDate("2014-05-01")}
	}
	all := []implants.Device{
		device("000060479203", "Hernia Mesh 100%", "HM-100_A", "Weaver", "Invented Distribution", "Mesh", "05410000000125"),
		device("000060479302", "Prothèse ÉTOILE", "PE\\1", "Weaver", "Étoile Distribution", "Hip", "05410000000125", "05410000000293"),
		device("000071200176", "Total Knee", "TK 1000", "Joiner", "Invented Distribution", "Knee"),
	}
	loadSources(t, db, implants.SourceEntries{Devices: all})
	tests := []struct {
		name  string
		q     implants.DeviceQuery
		want  []int
		total int
	}{
		{"everything", implants.DeviceQuery{Limit: 10}, []int{0, 1, 2}, 3},
		{"first page", implants.DeviceQuery{Limit: 2}, []int{0, 1}, 3},
		{"last page", implants.DeviceQuery{Offset: 2, Limit: 2}, []int{2}, 3},
		{"beyond the last page", implants.DeviceQuery{Offset: 3, Limit: 2}, nil, 3},
		{"name", implants.DeviceQuery{Text: "knee", Limit: 10}, []int{2}, 1},
		{"within a word", implants.DeviceQuery{Text: "ERNI", Limit: 10}, []int{0}, 1},
		{"reference", implants.DeviceQuery{Text: "hm-100", Limit: 10}, []int{0}, 1},
		{"manufacturer", implants.DeviceQuery{Text: "weaver", Limit: 10}, []int{0, 1}, 2},
		{"distributor", implants.DeviceQuery{Text: "invented", Limit: 10}, []int{0, 2}, 2},
		{"words of several parts", implants.DeviceQuery{Text: " 1000\tjoiner ", Limit: 10}, []int{2}, 1},
		{"one word that is not there", implants.DeviceQuery{Text: "joiner mesh", Limit: 10}, nil, 0},
		{"capitals beyond ASCII", implants.DeviceQuery{Text: "étoile PROTHÈSE", Limit: 10}, []int{1}, 1},
		{"a percent sign", implants.DeviceQuery{Text: "100%", Limit: 10}, []int{0}, 1},
		{"no wildcard of any length", implants.DeviceQuery{Text: "T%K", Limit: 10}, nil, 0},
		{"an underscore", implants.DeviceQuery{Text: "0_a", Limit: 10}, []int{0}, 1},
		{"no wildcard of one character", implants.DeviceQuery{Text: "K_ee", Limit: 10}, nil, 0},
		{"a backslash", implants.DeviceQuery{Text: `pe\1`, Limit: 10}, []int{1}, 1},
		{"a quote", implants.DeviceQuery{Text: `'`, Limit: 10}, nil, 0},
		{"code", implants.DeviceQuery{Code: mesh, Limit: 10}, []int{0}, 1},
		{"code and another word", implants.DeviceQuery{Code: mesh, Text: "knee", Limit: 10}, nil, 0},
		{"device identifier of two", implants.DeviceQuery{DIs: []string{"05410000000125"}, Limit: 10}, []int{0, 1}, 2},
		{"device identifier and word", implants.DeviceQuery{DIs: []string{"05410000000125"}, Text: "mesh", Limit: 10}, []int{0}, 1},
		{"unknown device identifier", implants.DeviceQuery{DIs: []string{"1"}, Limit: 10}, nil, 0},
		{"category", implants.DeviceQuery{Category: "Hip", Limit: 10}, []int{1}, 1},
		{"part of a category", implants.DeviceQuery{Category: "Hi", Limit: 10}, nil, 0},
	}
	for _, test := range tests {
		var want []implants.Device
		for _, i := range test.want {
			want = append(want, all[i])
		}
		readTx(t, db, func(r implants.Reader) error {
			got, total, err := r.SearchDevices(test.q)
			checkValue(t, test.name, got, want, err)
			checkEqual(t, test.name+", in all", total, test.total)
			return nil
		})
	}
}
